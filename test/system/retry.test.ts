import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client, Connection, WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import type { SearchAttributePair } from '@temporalio/common';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { BatchStarter, SEARCH_ATTRIBUTES } from '../../src/client/index.js';
import { loadConfig } from '../../src/config/index.js';
import {
  IMAGE_RESULTS_TOPIC,
  ORCHESTRATION_QUEUE,
  type DetectBatchInput,
  type DetectImagesInput,
  type ImageReason,
  type ImageResult,
  type PackedImage,
} from '../../src/domain/index.js';
import { roleEnvironment } from '../../src/embedded/index.js';
import { createProducer, type StreamProducer } from '../../src/stream/index.js';
import { createLogger, createMetrics } from '../../src/telemetry/index.js';
import type { RetryReport } from '../../src/operations/index.js';
import { endpointsNow, eventually, select } from './pipeline.js';
import { penstock } from './program.js';
import { recordHistory } from './recordHistory.js';
import { detected, newModel, objectsOf, ScriptedDetectors, type ScriptedDetector } from './scriptedDetector.js';

/** Detectors of a model of the test's own; their results go by the real broker and sink into the real tables. */

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const WITHIN_MS = 60_000;
let connection: Connection;
let client: Client;
let detectors: ScriptedDetectors;
let producer: StreamProducer;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined), shutdownSignals: [] });
  const { temporal } = inject('endpoints');
  connection = await Connection.connect({ address: temporal });
  client = new Client({ connection });
  detectors = await ScriptedDetectors.connect(temporal);
  producer = await createProducer({
    config: loadConfig(roleEnvironment(await endpointsNow())),
    log: createLogger('test', 'silent'),
    metrics: createMetrics('test'),
  });
});
afterAll(async () => {
  await detectors.close();
  await producer.close();
  await connection.close();
});

/** A batch of four images: one is detected, one is no image, and two die for a reason that passes. */
interface Failed {
  model: string;
  handle: WorkflowHandle;
  input: DetectBatchInput;
  detector: ScriptedDetector;
  /** What the detector was asked for since the batch failed. */
  since: () => string[][];
  /** From now on the detector detects everything. */
  heal: () => void;
}

async function failedBatch(reason: ImageReason = 'DOWNLOAD_FAILED'): Promise<Failed> {
  const model = newModel();
  let healed = false;
  const detector = await detectors.start(model, async (input) => {
    const names = objectsOf(input);
    const dies = (image: number): boolean => !healed && ['c', 'd'].includes(names[image] ?? '');
    const isNone = (image: number): boolean => names[image] === 'b';
    const images = [...names.keys()];
    const fine = images.filter((image) => !dies(image) && !isNone(image));
    const dead = images.filter(isNone).map((image) => ({ image, reason: 'NOT_AN_IMAGE' as const, detail: 'text' }));
    const retry = images.filter(dies).map((image) => ({ image, reason, detail: 'away' }));
    await publish(model, input, fine);
    await publish(
      model,
      input,
      dead.map(({ image }) => image),
      'NOT_AN_IMAGE',
    );
    return detected(input, { dead, retry });
  });
  const now = Date.now();
  const images = ['a', 'b', 'c', 'd'].map((object): PackedImage => [0, object, '1', now - 2_000, now - 1_000]);
  const input: DetectBatchInput = {
    ...{ model, lane: 'bulk', topic: 'penstock.image-events.bulk', partition: 0, firstOffset: '0', lastOffset: '3' },
    ...{ buckets: [`retry-${model}`], images, maxAttempts: 1, express: false },
  };
  const workflowId = `detect/test/${randomUUID()}`;
  const memo = { firstOffset: '0', lastOffset: '3', eventsHash: 'ab'.repeat(32) };
  expect(await new BatchStarter(client).start({ workflowId, input, memo })).toEqual({ kind: 'started' });
  const handle = client.workflow.getHandle(workflowId);
  await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
  expect(detector.recorded.map(objectsOf)).toEqual([['c', 'd']]);
  await publish(model, { images, buckets: input.buckets }, [2, 3], reason);
  const calls = detector.calls.length;
  return {
    ...{ model, handle, input, detector },
    since: () => detector.calls.slice(calls).map(objectsOf),
    heal: () => (healed = true),
  };
}

/** Results as a detector publishes them. */
async function publish(
  model: string,
  { images, buckets }: Pick<DetectImagesInput, 'images' | 'buckets'>,
  which: number[],
  reason?: ImageReason,
): Promise<void> {
  const results = which.flatMap((image): ImageResult[] => {
    const [bucket, object, generation, uploadedAtMs, receivedAtMs] = images[image] ?? [0, '', '0', 0, 0];
    return [
      {
        ...{ v: 1, bucket: buckets[bucket] ?? '', object, generation, model: `${model}@0123456789ab` },
        status: reason === undefined ? 'detected' : 'dead',
        ...(reason === undefined ? {} : { reason, detail: 'scripted' }),
        ...{ width: 1, height: 1, detections: [], uploadedAtMs, receivedAtMs, detectedAtMs: Date.now() },
        ...{ attempts: 1, workflowId: 'w', runId: 'r' },
      },
    ];
  });
  if (results.length === 0) return;
  await producer.send(
    IMAGE_RESULTS_TOPIC,
    results.map((result) => ({ key: `${result.bucket}/${result.object}`, value: JSON.stringify(result) })),
  );
}

/** The view of all images, once it says so of those of a batch: `a detected`, `b NOT_AN_IMAGE`. */
async function stored({ input }: Failed, expected: string[]): Promise<void> {
  await eventually(
    () =>
      select<{ said: string }>(
        `SELECT concat(object, ' ', if(status = 'dead', toString(reason), 'detected')) AS said
         FROM images WHERE bucket = '${input.buckets[0] ?? ''}' ORDER BY said`,
      ),
    (rows) => JSON.stringify(rows.map(({ said }) => said)) === JSON.stringify(expected),
    WITHIN_MS,
  );
}
const FAILED = ['a detected', 'b NOT_AN_IMAGE', 'c DOWNLOAD_FAILED', 'd DOWNLOAD_FAILED'];
const HEALED = ['a detected', 'b NOT_AN_IMAGE', 'c detected', 'd detected'];
const RESULT = { images: 4, detected: 3, dead: { NOT_AN_IMAGE: 1 } };

async function retry(...args: string[]): Promise<{ code: number; report: RetryReport }> {
  const { code, report } = await penstock('retry', ...args);
  return { code, report: report as RetryReport };
}

/** Visibility follows executions within seconds. */
const isListed = (model: string): Promise<unknown> =>
  eventually(
    () => client.workflow.count(`PenstockModel = '${model}' AND ExecutionStatus = 'Failed'`),
    ({ count }) => count > 0,
    WITHIN_MS,
  );

describe('failed batches', () => {
  it('are shown by --dry-run, by id, model and reason, and nothing is started', async () => {
    const failed = await failedBatch('DECODE_TIMEOUT');
    const { model, handle } = failed;
    await isListed(model);
    const { workflowId } = handle;
    const { runId } = await handle.describe();
    const ours = { workflowId, runId, status: 'FAILED', model, images: 4, outcome: 'selected', problem: null };
    const dead = { NOT_AN_IMAGE: 1, DECODE_TIMEOUT: 2 };
    for (const selector of [
      ['--batch', workflowId],
      ['--model', model],
      ['--reason', 'DECODE_TIMEOUT'],
      ['--since', '1h'],
    ]) {
      const { code, report } = await retry(...selector, '--dry-run');
      expect([code, report.dryRun]).toEqual([0, true]);
      expect(report.batches).toContainEqual({ ...ours, dead, closedAt: expect.any(String) as string });
      if (!['--since', '--reason'].includes(selector[0] ?? '')) expect(report.selected).toBe(1);
    }
    const { report } = await retry('--reason', 'MODEL_FAILED', '--dry-run');
    expect(report.batches.filter((batch) => batch.workflowId === workflowId)).toEqual([]);
    expect((await handle.describe()).runId).toBe(runId);
    expect(failed.since()).toEqual([]);
  });

  it('run again for what they miss alone, also by two at once, and each image counts once', async () => {
    const failed = await failedBatch();
    const { model, handle, input } = failed;
    // Somebody else has detected it meanwhile.
    await publish(model, input, [2]);
    await stored(failed, ['a detected', 'b NOT_AN_IMAGE', 'c detected', 'd DOWNLOAD_FAILED']);
    await isListed(model);
    failed.heal();
    const both = await Promise.all([retry('--model', model), retry('--model', model)]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(both.map(({ report }) => report.done).reduce((sum, one) => sum + one)).toBe(1);
    expect(failed.since()).toEqual([['d']]);
    expect(await handle.result()).toEqual(RESULT);
    const { memo } = await handle.describe();
    expect(memo).toEqual({ firstOffset: '0', lastOffset: '3', eventsHash: 'ab'.repeat(32) });
    await stored(failed, HEALED);
    await recordHistory('detectBatch.again', handle);
    await eventually(
      () =>
        select<{ all: number; dead: number }>(
          `SELECT sum(images) AS all, sum(dead) AS dead FROM images_hourly WHERE bucket = '${input.buckets[0] ?? ''}'`,
        ),
      ([sums]) => sums?.all === 4 && sums.dead === 1,
      WITHIN_MS,
    );
    await expect(penstock('retry', '--batch', handle.workflowId)).rejects.toThrow(/completed: there is nothing/);
  });

  it('that fail again say so, by the exit code too', async () => {
    const failed = await failedBatch();
    const { code, report } = await retry('--batch', failed.handle.workflowId);
    expect([code, report.failed, report.done]).toEqual([1, 1, 0]);
    expect(failed.since().flat()).toEqual(expect.arrayContaining(['c', 'd']));
  });

  it.each(['first', 'last'] as const)(
    'that are reset to their %s task do what they miss, and no more',
    async (task) => {
      const failed = await failedBatch();
      const { handle } = failed;
      await stored(failed, FAILED);
      failed.heal();
      const { events = [] } = await handle.fetchHistory();
      const tasks = (events ?? []).filter((event) => event.workflowTaskCompletedEventAttributes);
      const { runId } = await handle.describe();
      await connection.workflowService.resetWorkflowExecution({
        namespace: 'default',
        workflowExecution: { workflowId: handle.workflowId, runId },
        reason: 'a test',
        workflowTaskFinishEventId: tasks.at(task === 'first' ? 0 : -1)?.eventId ?? null,
        requestId: randomUUID(),
      });
      expect(await handle.result()).toEqual(RESULT);
      expect(failed.since()).toEqual([['c', 'd']]);
      await stored(failed, HEALED);
    },
  );

  it.each([
    ['alone', 'detectBatch.copied'],
    ['and search attributes, as the UI does', 'detectBatch.copied-attributes'],
  ])('that are started by hand with their input %s, do what they miss, and can be found', async (copied, history) => {
    const failed = await failedBatch();
    const { handle, input, model } = failed;
    await stored(failed, FAILED);
    failed.heal();
    const { typedSearchAttributes } = await handle.describe();
    expect(typedSearchAttributes.get(SEARCH_ATTRIBUTES.dead)).toBe(3);
    const pairs = Object.values(SEARCH_ATTRIBUTES)
      .map((key) => ({ key, value: typedSearchAttributes.get(key) }))
      .filter(({ value }) => value !== undefined);
    const again = await client.workflow.start('detectBatch', {
      ...{ workflowId: handle.workflowId, taskQueue: ORCHESTRATION_QUEUE, args: [input] },
      ...(copied === 'alone' ? {} : { typedSearchAttributes: pairs as SearchAttributePair[] }),
    });
    expect(await again.result()).toEqual(RESULT);
    expect(failed.since()).toEqual([['c', 'd']]);
    await recordHistory(history, again);
    await stored(failed, HEALED);
    const after = await again.describe();
    expect(after.memo).toEqual({ firstOffset: '0', lastOffset: '3' });
    expect(after.typedSearchAttributes.get(SEARCH_ATTRIBUTES.dead)).toBe(1);
    await eventually(
      () =>
        client.workflow.count(`PenstockModel = '${model}' AND PenstockImages = 4 AND ExecutionStatus = 'Completed'`),
      ({ count }) => count === 1,
      WITHIN_MS,
    );
  });
});

it('an orchestrator does not start where Temporal forgets failed batches too soon', async () => {
  const environment = {
    PATH: process.env['PATH'],
    ...roleEnvironment(await endpointsNow()),
    ...{ PENSTOCK_HTTP_PORT: '0', PENSTOCK_LOG_LEVEL: 'fatal', PENSTOCK_RETRY_HORIZON_HOURS: '169' },
  };
  const ended = await new Promise<{ code: unknown; stderr: string }>((resolve) =>
    execFile(process.execPath, [MAIN, 'orchestrator'], { env: environment, timeout: 60_000 }, (error, _out, stderr) =>
      resolve({ code: error?.code, stderr }),
    ),
  );
  expect(ended).toEqual({ code: 2, stderr: expect.stringContaining('--retention 169h') as string });
});
