import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { BatchStarter } from '../../src/client/index.js';
import { scene } from '../../src/scenes/index.js';
import { accessibilityProblems, startBrowser, type RealBrowser } from './browser.js';
import { endpointsNow, eventually, select, uploadAll, type Uploaded } from './pipeline.js';
import { startRole, type RoleProcess } from './roleProcess.js';
import { detected, newModel, ScriptedDetectors } from './scriptedDetector.js';

/** The page in a real browser, against the running stack. Pictures of it go where TEST_SCREENSHOTS says. */

const WITHIN_MS = 30_000;
const DESKTOP: BrowserContextOptions = { viewport: { width: 1280, height: 900 } };
const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const VIEWER = 'v'.repeat(40);
const OPERATOR = 'o'.repeat(40);

let real: RealBrowser | undefined;
let connection: Connection;
let client: Client;
let detectors: ScriptedDetectors;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined), shutdownSignals: [] });
  const { temporal } = inject('endpoints');
  connection = await Connection.connect({ address: temporal });
  client = new Client({ connection });
  detectors = await ScriptedDetectors.connect(temporal);
  real = await startBrowser();
}, 300_000);
afterAll(async () => {
  await real?.close();
  await detectors.close();
  await connection.close();
});

/** Skips, by name, where no Chromium can be had. */
async function pageOf(
  skip: (note: string) => void,
  path: string,
  { address, ...options }: BrowserContextOptions & { address?: string } = DESKTOP,
): Promise<{ page: Page; context: BrowserContext; close: () => Promise<void> }> {
  if (real === undefined) skip('needs Chromium from a Debian archive');
  const browser = (real as RealBrowser).browser;
  const context = await browser.newContext({ baseURL: address ?? (await endpointsNow()).console ?? '', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(WITHIN_MS);
  await page.goto(path);
  return { page, context, close: () => context.close() };
}

async function shoot(page: Page, name: string): Promise<void> {
  const folder = process.env['TEST_SCREENSHOTS'];
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

/** A batch whose images die for a passing reason until it is healed. */
async function failedBatch(): Promise<{ workflowId: string; heal: () => void }> {
  const model = newModel();
  let healed = false;
  await detectors.start(model, (input) =>
    detected(
      input,
      healed ? {} : { retry: input.images.map((_, image) => ({ image, reason: 'DOWNLOAD_FAILED', detail: 'away' })) },
    ),
  );
  const workflowId = `detect/console/${randomUUID()}`;
  const now = Date.now();
  const started = await new BatchStarter(client).start({
    workflowId,
    memo: { firstOffset: '0', lastOffset: '1', eventsHash: 'ab'.repeat(32) },
    input: {
      ...{ model, lane: 'bulk', topic: 'penstock.image-events.bulk', partition: 0, firstOffset: '0', lastOffset: '1' },
      ...{ buckets: [`console-${model}`], maxAttempts: 1, express: false },
      images: ['a', 'b'].map((object) => [0, object, '1', now - 2_000, now - 1_000, null]),
    },
  });
  expect(started).toEqual({ kind: 'started' });
  await expect(client.workflow.getHandle(workflowId).result()).rejects.toThrow(WorkflowFailedError);
  return { workflowId, heal: () => (healed = true) };
}

async function uploadScene(): Promise<Uploaded & { boxes: number }> {
  const { jpeg } = await scene(7, { width: 640, height: 480 });
  const [image] = await uploadAll([{ name: `console/${randomUUID()}.jpg`, bytes: jpeg }]);
  if (image === undefined) throw new Error('nothing was uploaded');
  const [row] = await eventually(
    () =>
      select<{ boxes: number }>(
        `SELECT length(boxes.class) AS boxes FROM image_results WHERE object = '${image.object}'`,
      ),
    (rows) => rows.length > 0,
    60_000,
  );
  return { ...image, boxes: row?.boxes ?? 0 };
}

test('the flow shows what comes, waits and is let through, and every server and role', async ({ skip }) => {
  const { page, close } = await pageOf(skip, '/');
  await page.getByRole('heading', { name: 'Flow' }).waitFor();
  await page.getByText('detector', { exact: false }).first().waitFor();
  for (const name of ['Arriving', 'Waiting', 'Cap', 'Detected', 'Wait', 'Clears', 'Failed batches', 'Dead letters'])
    await expect(page.locator('dt', { hasText: new RegExp(`^${name}$`) }).count()).resolves.toBe(1);
  await eventually(
    () => page.locator('.parts li').allTextContents(),
    (parts) => parts.length >= 9 && parts.every((part) => part.startsWith('ready')),
    WITHIN_MS,
  );
  await expect(page.locator('canvas').count()).resolves.toBe(2);
  await shoot(page, 'flow');
  await close();
});

test('a failed batch is retried by a click, and its run ends well', async ({ skip }) => {
  const { workflowId, heal } = await failedBatch();
  const { page, close } = await pageOf(skip, '/batches');
  const row = page.locator('tr', { hasText: workflowId });
  await eventually(
    () => row.count(),
    (rows) => rows === 1,
    WITHIN_MS,
  );
  await expect(row.textContent()).resolves.toContain('2 DOWNLOAD_FAILED');
  await shoot(page, 'batches');
  heal();
  await page.getByLabel(`Choose ${workflowId}`).check();
  await page.getByRole('button', { name: 'Retry 1' }).click();
  await page.getByRole('status').filter({ hasText: '1 of 1 started.' }).waitFor();
  expect(await client.workflow.getHandle(workflowId).result()).toMatchObject({ detected: 2 });
  await eventually(
    () => row.count(),
    (rows) => rows === 0,
    WITHIN_MS,
  );
  await close();
});

test('a picture is shown with its boxes over it, its timeline, and a link to its batch', async ({ skip }) => {
  const { bucket, object, boxes } = await uploadScene();
  expect(boxes).toBeGreaterThan(0);
  const { page, close } = await pageOf(skip, '/');
  // As a person does it, with the keyboard.
  await page.getByRole('heading', { name: 'Flow' }).waitFor();
  await page.keyboard.press('/');
  await eventually(
    () => page.locator('#search:focus').count(),
    (focused) => focused === 1,
    WITHIN_MS,
  );
  await page.keyboard.type(`gs://${bucket}/${object}`);
  await page.keyboard.press('Enter');
  await page.locator('rect.box').first().waitFor();
  await expect(page.locator('rect.box').count()).resolves.toBe(boxes);
  const loaded = await page.evaluate(`(async () => {
    const picture = new Image();
    picture.src = document.querySelector('image').getAttribute('href');
    await picture.decode();
    return [picture.naturalWidth, picture.naturalHeight];
  })()`);
  expect(loaded).toEqual([640, 480]);
  await expect(page.locator('.timeline li').allTextContents()).resolves.toEqual([
    expect.stringMatching(/^uploaded/),
    expect.stringMatching(/^received/),
    expect.stringMatching(/^detected.*after/),
    expect.stringMatching(/^stored.*after/),
  ]);
  const link = await page.locator('.facts a').first().getAttribute('href');
  expect(link).toContain(`${(await endpointsNow()).temporalUi ?? ''}/namespaces/default/workflows/`);
  await page.locator('.boxes button').first().click();
  await expect(page.locator('rect.chosen').count()).resolves.toBe(1);
  await shoot(page, 'image');
  await close();
});

test('a dead letter is read whole, and put away with a reason', async ({ skip }) => {
  const endpoints = await endpointsNow();
  const marker = randomUUID();
  const sent = await fetch(`${endpoints.intake ?? ''}/events/pubsub`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ marker, said: '<script>alert(1)</script>' }),
  });
  expect(sent.status).toBeLessThan(300);
  const [letter] = await eventually(
    () => select<{ id: string }>(`SELECT id FROM dead_letters WHERE payload LIKE '%${marker}%'`),
    (rows) => rows.length > 0,
    60_000,
  );
  const id = letter?.id ?? '';
  const { page, close } = await pageOf(skip, `/letters?id=${id}`);
  await page.locator('pre', { hasText: '<script>alert(1)</script>' }).waitFor();
  await shoot(page, 'letter');
  await page.getByRole('link', { name: 'Letters', exact: true }).click();
  await page.getByLabel(`Choose ${id}`).check();
  await expect(page.getByRole('button', { name: 'Discard 1' }).isDisabled()).resolves.toBe(true);
  await page.getByLabel('Why').fill('a test of the console');
  await page.getByRole('button', { name: 'Discard 1' }).click();
  await page.getByRole('status').filter({ hasText: '1 discarded.' }).waitFor();
  await eventually(
    () =>
      select<{ who: string; why: string }>(
        `SELECT who, why FROM dead_letter_decisions WHERE letter_id = '${id}' AND decision = 'discarded'`,
      ),
    (rows) => rows.length === 1 && rows[0]?.who === 'console@loopback' && rows[0].why === 'a test of the console',
    WITHIN_MS,
  );
  await close();
});

test('axe finds nothing on any page, dark and light, on a desk and on a phone', async ({ skip }) => {
  const { bucket, object } = await uploadScene();
  await failedBatch();
  const paths = [
    '/',
    '/batches',
    '/letters',
    '/images',
    `/images?name=${encodeURIComponent(`gs://${bucket}/${object}`)}`,
  ];
  for (const [size, options] of Object.entries({ desk: DESKTOP, phone: PHONE })) {
    for (const colorScheme of ['dark', 'light'] as const) {
      for (const path of paths) {
        const { page, close } = await pageOf(skip, path, { ...options, colorScheme });
        await page.getByRole('heading', { level: 1 }).waitFor();
        await eventually(
          () => page.getByText('Loading …').count(),
          (loading) => loading === 0,
          WITHIN_MS,
        );
        await expect(accessibilityProblems(page), `${path}, ${size}, ${colorScheme}`).resolves.toEqual([]);
        const wide = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
        expect(wide, `${path} on a ${size} is wider than it`).toBeLessThanOrEqual(0);
        await shoot(page, `${size}-${colorScheme}-${paths.indexOf(path)}`);
        await close();
      }
    }
  }
});

test('with logins a viewer sees and changes nothing, an operator does, and other sites are refused', async ({
  skip,
}) => {
  let role: RoleProcess | undefined;
  try {
    role = await startRole('console', {
      PENSTOCK_CONSOLE_LOGINS: `viewer:vera:${VIEWER},operator:otto:${OPERATOR}`,
    });
    const { address } = role;
    const { page, context, close } = await pageOf(skip, '/batches', { ...DESKTOP, address });
    await expect(accessibilityProblems(page)).resolves.toEqual([]);
    await page.getByLabel('Token').fill('x'.repeat(40));
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').filter({ hasText: 'no such token' }).waitFor();
    await shoot(page, 'login');
    await page.getByLabel('Token').fill(VIEWER);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('vera').waitFor();
    await page.getByRole('heading', { name: 'Failed batches' }).waitFor();
    await expect(page.getByRole('button', { name: /Retry/ }).count()).resolves.toBe(0);
    await expect(page.evaluate('document.cookie')).resolves.toBe('');
    const [cookie] = await context.cookies();
    expect(cookie).toMatchObject({ name: 'penstock_session', httpOnly: true, sameSite: 'Strict' });
    const post = (headers: Record<string, string>): Promise<number> =>
      fetch(`${address}/api/batches/retry`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ ids: ['detect/none'] }),
      }).then(({ status }) => status);
    const session = `penstock_session=${cookie?.value ?? ''}`;
    await expect(post({})).resolves.toBe(401);
    await expect(post({ cookie: session, 'x-penstock-console': '1' })).resolves.toBe(403);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Token').fill(OPERATOR);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('button', { name: /Retry/ }).waitFor();
    const [operator] = await context.cookies();
    const own = `penstock_session=${operator?.value ?? ''}`;
    await expect(post({ cookie: own })).resolves.toBe(403);
    await expect(post({ cookie: own, 'x-penstock-console': '1', 'sec-fetch-site': 'cross-site' })).resolves.toBe(403);
    await expect(post({ cookie: own, 'x-penstock-console': '1' })).resolves.toBe(200);
    await expect(post({ authorization: `Bearer ${OPERATOR}` })).resolves.toBe(200);
    await close();
  } finally {
    await role?.stop();
  }
});
