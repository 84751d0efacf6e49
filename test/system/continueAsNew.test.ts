import type { Client } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { backfillEnd, BatchStarter, startBackfill } from '../../src/client/index.js';
import {
  NOTHING_COUNTED,
  type BackfillPageInput,
  type BackfillPageOutcome,
  type BatchMemo,
  type PackedImage,
} from '../../src/domain/index.js';
import { startOwnTemporal, type OwnTemporal } from './ownTemporal.js';
import { recordHistory } from './recordHistory.js';
import { detected, newModel, objectsOf, ScriptedDetectors } from './scriptedDetector.js';

let temporal: OwnTemporal;
let client: Client;
let detectors: ScriptedDetectors;
/** What `backfillPage` answers, and what it was asked. */
let pages: BackfillPageOutcome[] = [];
const asked: BackfillPageInput[] = [];

beforeAll(async () => {
  temporal = await startOwnTemporal(() => ({
    backfillPage: (input: BackfillPageInput) => {
      asked.push(input);
      return Promise.resolve(pages.shift());
    },
  }));
  ({ client } = temporal);
  detectors = await ScriptedDetectors.connect(temporal.address);
});

afterAll(async () => {
  await detectors.close();
  await temporal.stop();
});

it('a batch with a long history goes on in a new run: progress, memo, attributes and follower stay', async () => {
  const model = newModel();
  const { calls } = await detectors.start(model, (input, call) => {
    if (call === 0) return detected(input, { dead: [{ image: 0, reason: 'GONE', detail: 'gone' }], untried: [2, 3] });
    if (call === 1) return detected(input, { untried: [0], retry: [{ image: 1, reason: 'FORBIDDEN', detail: '403' }] });
    if (call === 2) return detected(input, { untried: [0], retry: [{ image: 1, reason: 'FORBIDDEN', detail: '403' }] });
    return detected(input);
  });
  const workflowId = `detect/test/${model}`;
  const images = Array.from({ length: 4 }, (_, image): PackedImage => [0, `${image}.jpg`, '1', 1, 2]);
  const memo: BatchMemo = { firstOffset: '0', lastOffset: '3', eventsHash: 'cd'.repeat(32) };
  const where = { topic: 't', partition: 0, firstOffset: '0', lastOffset: '3', lane: 'bulk' };
  const input = { ...where, model, buckets: ['uploads'], images, maxAttempts: 3, express: false };
  const starter = new BatchStarter(client);
  await starter.start({ workflowId, input, memo });
  const first = await client.workflow.getHandle(workflowId).describe();

  // Whoever follows the batch follows it through its runs.
  expect(await starter.handle(workflowId).result()).toEqual({ images: 4, detected: 3, dead: { GONE: 1 } });
  expect(calls.map(objectsOf)).toEqual([
    ['0.jpg', '1.jpg', '2.jpg', '3.jpg'],
    ['2.jpg', '3.jpg'],
    ['2.jpg', '3.jpg'],
    ['2.jpg', '3.jpg'],
  ]);
  expect(calls.at(-1)?.attempts).toEqual([0, 2]);

  const last = await client.workflow.getHandle(workflowId).describe();
  expect(last.runId).not.toBe(first.runId);
  expect(last.memo).toEqual({ ...memo, fresh: true });
  expect(last.typedSearchAttributes.getAll()).toEqual(
    expect.arrayContaining([expect.objectContaining({ value: model }), expect.objectContaining({ value: 4 })]),
  );
  expect(await starter.start({ workflowId, input, memo })).toEqual({ kind: 'exists', memo });
  await recordHistory('detectBatch.continued.1', client.workflow.getHandle(workflowId, first.runId));
  await recordHistory('detectBatch.continued.2', client.workflow.getHandle(workflowId, last.runId));
});

it('a backfill with a long history goes on in a new run: position, counts and pace stay', async () => {
  const page = (index: number): BackfillPageOutcome => ({
    kind: 'page',
    counts: { ...NOTHING_COUNTED, listed: 2, enqueued: 1, older: 1 },
    last: `${index}.jpg`,
    isEnd: index === 5,
  });
  pages = [
    page(0),
    { kind: 'full', what: 'enough wait', lane: 'bulk' },
    page(1),
    { kind: 'waiting', what: 'ClickHouse: away', patienceMs: 60_000 },
    ...[2, 3, 4, 5].map(page),
  ];
  const workflowId = `backfill/uploads/${newModel()}`;
  const pace = { imagesPerSecond: 20, ahead: 50 };
  const options = { bucket: 'uploads', prefix: '', missing: true, dryRun: false, model: 'shapes', sinceMs: 1 };
  const { handle } = await startBackfill(client, workflowId, { ...options, pace });
  const first = await handle.describe();
  expect(await backfillEnd(handle)).toMatchObject({
    status: 'done',
    result: { counts: { listed: 12, enqueued: 6, older: 6 } },
  });
  const names = ['0', '0', '1', '1', '2', '3', '4'].map((name) => `${name}.jpg`);
  expect(asked.map(({ after }) => after)).toEqual([undefined, ...names]);
  expect(asked.at(-1)).toMatchObject({ ...options, ahead: 50, objects: 50, sourceId: `backfill/${first.runId}` });
  const last = await client.workflow.getHandle(workflowId).describe();
  expect(last.runId).not.toBe(first.runId);
  await recordHistory('backfill.continued.1', client.workflow.getHandle(workflowId, first.runId));
  await recordHistory('backfill.continued.2', client.workflow.getHandle(workflowId, last.runId));
});
