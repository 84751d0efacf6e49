import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { connectTemporal, type TemporalClient } from '../../src/client/index.js';
import { loadConfig } from '../../src/config/index.js';
import type { BackfillProgress, ImageEvent } from '../../src/domain/index.js';
import { pointAtStack, roleEnvironment } from '../../src/embedded/index.js';
import { scene } from '../../src/scenes/index.js';
import { createConsumer, readLaneBacklog } from '../../src/stream/index.js';
import { createLogger, createMetrics } from '../../src/telemetry/index.js';
import { bucketOf, endpointsNow, eventually, forEachBounded, imageCounts, select, uploadAll } from './pipeline.js';
import { penstock } from './program.js';
import { recordHistory } from './recordHistory.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const pictures = await Promise.all(Array.from({ length: 8 }, async (_, seed) => (await scene(seed)).jpeg));
/** A kept stack knows the objects of earlier runs. */
const RUN = `backfill${Date.now()}`;
const log = createLogger('test', 'silent');
const config = loadConfig(roleEnvironment(inject('endpoints')));

let temporal: TemporalClient;
/** Every event of the lane since this file began, by prefix: what was enqueued, and how often. */
const events: ImageEvent[] = [];
let stop: () => Promise<void>;

beforeAll(async () => {
  pointAtStack(process.env, inject('endpoints'));
  temporal = await connectTemporal();
  const consumer = await createConsumer({
    config,
    log,
    metrics: createMetrics('test'),
    groupId: `test.backfill.${RUN}`,
    topics: ['penstock.image-events.bulk'],
    onFatal: () => undefined,
    handler: ({ records }) => {
      for (const { value } of records) events.push(JSON.parse(value.toString('utf8')) as ImageEvent);
      return Promise.resolve({ consumed: records.length });
    },
  });
  stop = () => consumer.close();
});
afterAll(async () => {
  await stop();
  await temporal.connection.close();
});

const eventsOf = (prefix: string): ImageEvent[] => events.filter(({ object }) => object.startsWith(prefix));

/** Puts pictures into a bucket and tells nobody. */
async function upload(names: readonly string[], contentType = 'image/jpeg'): Promise<void> {
  const bucket = await bucketOf(await endpointsNow());
  await forEachBounded(names, 8, async (name, index) => {
    const bytes = pictures[index % pictures.length] ?? Buffer.alloc(0);
    await bucket.file(name).save(bytes, { resumable: false, metadata: { contentType } });
  });
}
const numbered = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${String(index).padStart(5, '0')}.jpg`);

interface Report {
  status: string;
  workflowId: string;
  message: string | null;
  counts: Record<string, number>;
}

async function backfill(url: string, ...options: string[]): Promise<{ code: number; report: Report }> {
  const { code, report } = await penstock('backfill', url, ...options);
  return { code, report: report as Report };
}

/** A verb that watches; its output grows in `said`. */
function watching(
  url: string,
  ...options: string[]
): { child: ChildProcess; said: () => string; code: Promise<number> } {
  let said = '';
  const args = [MAIN, 'backfill', url, '--data-dir', inject('dataDir'), ...options];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (said += text.toString()));
  return { child, said: () => said, code: once(child, 'exit').then(([code]) => Number(code)) };
}

const progressOf = (workflowId: string): Promise<BackfillProgress> =>
  temporal.client.workflow.getHandle(workflowId).query<BackfillProgress>('progress');

describe('a backfill', () => {
  it('has every object of a prefix detected once, whatever its name, and finds nothing missing afterwards', async () => {
    const odd = ['ü.jpg', '#1 %20.jpg', 'a b/ü#.jpg', 'it\'s \\ "quoted".jpg', '日本/\u{1f600}.jpg'];
    const names = [...odd.map((name) => `${RUN} ü#/${name}`), ...numbered(`${RUN} ü#/n-`, 40)];
    await upload(names);
    await upload([`${RUN} ü#/readme.txt`], 'text/plain');
    const url = `gs://uploads/${RUN} ü#/`;

    const dry = await backfill(url, '--dry-run');
    expect(dry).toMatchObject({
      code: 0,
      report: { status: 'done', counts: { listed: 46, enqueued: 45, notImage: 1 } },
    });
    const done = await backfill(url);
    expect(done).toMatchObject({ code: 0, report: { status: 'done', counts: { listed: 46, enqueued: 45 } } });
    const counts = await eventually(
      () => imageCounts(`${RUN} ü#/`),
      ({ rows }) => rows === 45,
      90_000,
    );
    expect(counts).toEqual({ rows: 45, keys: 45, detected: 45, dead: 0 });
    const rows = await select<{ object: string }>(`SELECT object FROM images WHERE startsWith(object, '${RUN} ü#/')`);
    expect(rows.map(({ object }) => object).sort()).toEqual([...names].sort());
    // The dry run enqueued none of them.
    expect(eventsOf(`${RUN} ü#/`)).toHaveLength(45);

    const again = await backfill(url, '--missing');
    expect(again.report.counts).toMatchObject({ listed: 46, enqueued: 0, detected: 45, notImage: 1 });
    const other = await backfill(url, '--missing', '--model', 'another', '--dry-run');
    expect(other.report.counts).toMatchObject({ enqueued: 45, detected: 0 });
    await recordHistory('backfill.done', temporal.client.workflow.getHandle(done.report.workflowId));
  });

  it('of the missing enqueues those alone that no event told of, and since a time those alone that came later', async () => {
    await uploadAll(numbered(`${RUN}/gap/told-`, 10).map((name) => ({ name, bytes: pictures[0] ?? Buffer.alloc(0) })));
    await eventually(
      () => imageCounts(`${RUN}/gap/`),
      ({ detected }) => detected === 10,
      60_000,
    );
    const since = new Date().toISOString();
    await upload(numbered(`${RUN}/gap/lost-`, 5));
    const later = await backfill(`gs://uploads/${RUN}/gap/`, '--since', since, '--dry-run');
    expect(later.report.counts).toMatchObject({ listed: 15, enqueued: 5, older: 10 });
    const { report } = await backfill(`gs://uploads/${RUN}/gap/`, '--missing');
    expect(report.counts).toMatchObject({ listed: 15, enqueued: 5, detected: 10 });
    await eventually(
      () => imageCounts(`${RUN}/gap/`),
      ({ detected }) => detected === 15,
      60_000,
    );
  });

  it('of a prefix that nothing has is done at once', async () => {
    const { code, report } = await backfill(`gs://uploads/${RUN}/nothing/`);
    expect(code).toBe(0);
    expect(report.counts).toMatchObject({ listed: 0, enqueued: 0 });
  });

  it(
    'goes on where it was when its orchestrator is killed: all enqueued, at most one page of them twice',
    { timeout: 300_000 },
    async () => {
      const images = 200;
      const page = 20;
      await upload(numbered(`${RUN}/kill/`, images));
      const run = watching(`gs://uploads/${RUN}/kill/`, '--ahead', String(page));
      await eventually(
        () => Promise.resolve(eventsOf(`${RUN}/kill/`).length),
        (enqueued) => enqueued >= 3 * page,
        90_000,
      );
      process.kill((await endpointsNow()).pids['orchestrator'] ?? 0, 'SIGKILL');
      expect(eventsOf(`${RUN}/kill/`).length).toBeLessThan(images);
      expect(await run.code).toBe(0);
      const enqueued = await eventually(
        () => Promise.resolve(eventsOf(`${RUN}/kill/`)),
        (all) => new Set(all.map(({ object }) => object)).size === images,
        60_000,
      );
      expect(enqueued.length).toBeLessThanOrEqual(images + page);
      const counts = await eventually(
        () => imageCounts(`${RUN}/kill/`),
        ({ rows }) => rows === images,
        120_000,
      );
      expect(counts).toEqual({ rows: images, keys: images, detected: images, dead: 0 });
    },
  );

  it(
    'stays behind live traffic: no more images than it may have ahead wait, and an upload comes through',
    { timeout: 300_000 },
    async () => {
      const ahead = 10;
      await upload(numbered(`${RUN}/live/old-`, 60));
      // Nothing leaves the lane while its dispatcher is stopped, so what is enqueued piles up.
      const dispatcher = (await endpointsNow()).pids['dispatcher'] ?? 0;
      process.kill(dispatcher, 'SIGSTOP');
      const run = watching(`gs://uploads/${RUN}/live/old-`, '--ahead', String(ahead), '--rate', '100000');
      try {
        await eventually(
          () => Promise.resolve(run.said()),
          (said) => (said.match(/behind live traffic: \d+ images wait in the lane bulk/g) ?? []).length > 0,
          60_000,
        );
        await uploadAll([{ name: `${RUN}/live/new.jpg`, bytes: pictures[0] ?? Buffer.alloc(0) }]);
        const [, workflowId = ''] = /Workflow (\S+)/.exec(run.said()) ?? [];
        // It looks again, and goes on waiting.
        const pages = () => temporal.client.workflow.getHandle(workflowId).fetchHistory();
        const before = (await pages()).events?.length ?? 0;
        await eventually(pages, ({ events: later }) => (later?.length ?? 0) > before + 12, 60_000);
        const waiting = await readLaneBacklog(config, log, 'bulk');
        expect(waiting).toBeGreaterThanOrEqual(ahead);
        // The page that was let in just below the bound, and the live upload.
        expect(waiting).toBeLessThanOrEqual(2 * ahead + 1);
      } finally {
        process.kill(dispatcher, 'SIGCONT');
      }
      await eventually(
        () => imageCounts(`${RUN}/live/new.jpg`),
        ({ detected }) => detected === 1,
        90_000,
      );
      expect(await run.code).toBe(0);
      await eventually(
        () => imageCounts(`${RUN}/live/old-`),
        ({ detected }) => detected === 60,
        120_000,
      );
    },
  );

  it('is attached to by the same command, left running by Ctrl-C, and stopped by --cancel', async () => {
    await upload(numbered(`${RUN}/watch/`, 30));
    const url = `gs://uploads/${RUN}/watch/`;
    const first = watching(url, '--rate', '0.2');
    await eventually(
      () => Promise.resolve(first.said()),
      (said) => said.includes('started') && said.includes(' enqueued'),
      30_000,
    );
    const second = watching(url);
    await eventually(
      () => Promise.resolve(second.said()),
      (said) => said.includes('runs already'),
      30_000,
    );
    const [, workflowId = ''] = /Workflow (\S+)/.exec(second.said()) ?? [];
    expect(first.said()).toContain(workflowId);
    for (const { child, code } of [first, second]) {
      child.kill('SIGINT');
      expect(await code).toBe(130);
    }
    expect(second.said()).toContain('the backfill goes on');
    expect((await progressOf(workflowId)).state).toBe('working');

    expect(await backfill(url, '--cancel')).toMatchObject({ code: 0, report: { status: 'cancelled' } });
    expect((await progressOf(workflowId)).counts.enqueued).toBeLessThan(30);
    expect(await backfill(url, '--cancel')).toMatchObject({ code: 1, report: { status: 'not_running' } });
    await recordHistory('backfill.cancelled', temporal.client.workflow.getHandle(workflowId));
  });

  it('of a bucket that is not there says so while it waits, and goes on once it is', async () => {
    const bucket = `backfill-${RUN}`;
    const run = watching(`gs://${bucket}/`);
    await eventually(
      () => Promise.resolve(run.said()),
      (said) => said.includes(`waiting: there is no bucket gs://${bucket}`),
      30_000,
    );
    const { gcs } = await endpointsNow();
    const made = await fetch(`${gcs}/storage/v1/b?project=penstock`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: bucket }),
    });
    expect(made.ok).toBe(true);
    expect(await run.code).toBe(0);
    expect(run.said()).toContain('Done.');
    const [, workflowId = ''] = /Workflow (\S+)/.exec(run.said()) ?? [];
    await recordHistory('backfill.waited', temporal.client.workflow.getHandle(workflowId));
  });

  it('for a lane that does not exist fails at once, readably', async () => {
    const { code, report } = await backfill(`gs://uploads/${RUN}/nothing/`, '--lane', 'nowhere');
    expect(code).toBe(1);
    expect(report).toMatchObject({ status: 'failed' });
    expect(report.message).toContain("there is no lane 'nowhere': PENSTOCK_LANES has bulk, express");
    await recordHistory('backfill.failed', temporal.client.workflow.getHandle(report.workflowId));
  });
});
