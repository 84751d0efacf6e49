import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { documentedCheck, type WebhookCheck } from '../webhookCheck.js';
import { applyManifests, landed, putFiles, putSecret } from './datasets/rig.js';
import { eventually } from './pipeline.js';
import { startRole, type RoleProcess } from './roleProcess.js';

/** Runs of datasets over HTTP, and the webhook that is told their ends. */

const HOOK_SECRET = 'whsec-of-the-test-of-runs';
const KEYS = {
  own: 'key-of-a-sender-of-api-orders-0001',
  other: 'key-of-a-sender-of-another-dataset-2',
  detects: 'key-of-a-sender-of-the-detect-api-03',
};

describe('over HTTP', () => {
  const dataset = 'api_orders';
  const deliveries: { headers: IncomingHttpHeaders; body: Buffer; at: number; answered: number }[] = [];
  let receiver: Server;
  let intake: RoleProcess;
  let isFromPenstock: WebhookCheck;
  let folder: string;

  beforeAll(async () => {
    isFromPenstock = await documentedCheck();
    folder = await mkdtemp(join(tmpdir(), 'penstock-api-orders-'));
    receiver = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        // It fails at first, as receivers do that are being restarted.
        const answered = deliveries.length === 0 ? 500 : 204;
        deliveries.push({ headers: request.headers, body: Buffer.concat(chunks), at: Date.now(), answered });
        response.writeHead(answered).end();
      });
    });
    await new Promise<void>((listening) => receiver.listen(0, '127.0.0.1', listening));
    const hook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/penstock`;
    await putSecret('HOOK_KEY', HOOK_SECRET);
    await putFiles(folder, [{ name: 'orders/1.csv', bytes: Buffer.from('id\n0\n1\n1\nx\n2\n') }]);
    await applyManifests({
      [dataset]: `
version: penstock/v1
name: ${dataset}
source: { type: files, folder: ${folder}, match: ['orders/*.csv'] }
format: { type: csv }
columns: [{ name: id, type: UInt64 }]
checks: { maxQuarantined: 50 % }
target: { mode: append, key: [id], orderBy: [id] }
webhook: { url: '${hook}', secret: HOOK_KEY }
`,
    });
    intake = await startRole('intake', {
      PENSTOCK_API_KEYS: `datasets@${dataset}:${KEYS.own},datasets@others:${KEYS.other},detect:${KEYS.detects}`,
    });
  });
  afterAll(async () => {
    await intake.stop();
    receiver.closeAllConnections();
    receiver.close();
    await rm(folder, { recursive: true, force: true });
  });

  interface Answer {
    status: number;
    body: Record<string, unknown>;
  }

  async function ask(
    path: string,
    key: string | undefined,
    { headers, ...init }: { method?: string; headers?: Record<string, string>; body?: string } = {},
  ): Promise<Answer> {
    const response = await fetch(`${intake.address}${path}`, {
      ...init,
      headers: { ...headers, ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
      signal: AbortSignal.timeout(65_000),
    });
    return { status: response.status, body: (await response.json()) as Answer['body'] };
  }

  const start = (key: string | undefined, options: Record<string, unknown> = {}): Promise<Answer> =>
    ask(`/v1/datasets/${dataset}/runs`, key, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'day 31' },
      body: JSON.stringify({ logicalDate: '2026-01-31', ...options }),
    });

  it('a run is started once for a key, by who may, and followed to its end', async () => {
    const refused = await Promise.all(
      [undefined, 'no-such-key-that-is-long-enough-000', KEYS.other, KEYS.detects].map((key) => start(key)),
    );
    expect(refused.map(({ status }) => status)).toEqual([401, 401, 403, 403]);

    const both = await Promise.all([start(KEYS.own), start(KEYS.own)]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 202]);
    const { workflowId, run } = both[0].body;
    expect(both.map((answer) => answer.body['workflowId'])).toEqual([workflowId, workflowId]);

    const told = await ask(`${String(run)}?waitSeconds=50`, KEYS.own);
    expect(told).toMatchObject({
      status: 200,
      body: {
        ...{ workflowId, dataset, status: 'published', step: 'done', failure: null },
        counts: { read: 5, loaded: 3, quarantined: 1, duplicates: 1 },
      },
    });
    expect((await ask(String(run), KEYS.other)).status).toBe(403);
    expect(await start(KEYS.own)).toMatchObject({ status: 200, body: { workflowId, isNew: false } });
    expect(await start(KEYS.own, { full: true })).toMatchObject({ status: 422, body: { workflowId } });
    expect(
      await landed(`SELECT workflow_id, trigger, logical_date FROM dataset_runs WHERE dataset = '${dataset}'`),
    ).toEqual([{ workflow_id: workflowId, trigger: 'api', logical_date: '2026-01-31T00:00:00.000Z' }]);
    expect(await landed(`SELECT id FROM ${dataset} ORDER BY id`)).toEqual(['0', '1', '2'].map((id) => ({ id })));
  });

  it('its end is posted until it is taken, signed, under one id of delivery', async () => {
    await eventually(
      () => Promise.resolve(deliveries.map(({ answered }) => answered)),
      (answers) => answers.length > 1,
      60_000,
    );
    expect(deliveries.map(({ answered }) => answered)).toEqual([500, 204]);
    const [record] = await landed(
      `SELECT run, toString(number) AS number FROM dataset_runs WHERE dataset = '${dataset}'`,
    );
    for (const { headers, body, at } of deliveries) {
      const signature = String(headers['penstock-signature']);
      expect(isFromPenstock(body, signature, HOOK_SECRET, at)).toBe(true);
      expect(isFromPenstock(body, signature, `${HOOK_SECRET}!`, at)).toBe(false);
      expect(headers['penstock-delivery']).toBe(`${String(record?.['run'])}/${String(record?.['number'])}`);
      expect(JSON.parse(body.toString())).toMatchObject({
        ...{ dataset, status: 'published', trigger: 'api', logicalDate: '2026-01-31T00:00:00.000Z' },
        ...{ ...record, read: 5, loaded: 3, quarantined: 1, duplicates: 1, warnings: [] },
      });
    }
  });
});
