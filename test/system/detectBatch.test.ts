import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import {
  Client,
  Connection,
  WorkflowFailedError,
  WorkflowNotFoundError,
  type WorkflowHandle,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { BatchStarter } from '../../src/client/index.js';
import {
  ORCHESTRATION_QUEUE,
  type BatchMemo,
  type BatchProgress,
  type BatchResult,
  type DetectBatchInput,
  type DetectImageInput,
  type DetectedImage,
  type FailedImage,
  type ImageReason,
} from '../../src/domain/index.js';
import { recordHistory } from './recordHistory.js';
import { detected, newModel, objectsOf, ScriptedDetectors, silence, untilCancelled } from './scriptedDetector.js';

const { temporal } = inject('endpoints');
const within = { timeout: 20_000, interval: 100 };
let connection: Connection;
let client: Client;
let starter: BatchStarter;
let detectors: ScriptedDetectors;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined), shutdownSignals: [] });
  connection = await Connection.connect({ address: temporal });
  client = new Client({ connection });
  starter = new BatchStarter(client);
  detectors = await ScriptedDetectors.connect(temporal);
});
afterAll(async () => {
  await detectors.close();
  await connection.close();
});

function batchOf(model: string, images: number, more: Partial<DetectBatchInput> = {}): DetectBatchInput {
  return {
    model,
    lane: 'bulk',
    topic: 'penstock.image-events.bulk',
    partition: 0,
    firstOffset: '100',
    lastOffset: String(99 + images),
    buckets: ['uploads'],
    images: Array.from({ length: images }, (_, image) => [
      0,
      `${image}.jpg`,
      '1',
      1_700_000_000_000,
      1_700_000_001_000,
    ]),
    maxAttempts: 3,
    express: false,
    ...more,
  };
}

const memo: BatchMemo = { firstOffset: '100', lastOffset: '199', eventsHash: 'ab'.repeat(32) };
const idOf = (model: string): string => `detect/test/${model}`;

async function start(input: DetectBatchInput): Promise<WorkflowHandle> {
  const workflowId = idOf(input.model);
  expect(await starter.start({ workflowId, input, memo })).toEqual({ kind: 'started' });
  return client.workflow.getHandle(workflowId);
}

async function startImage(input: DetectImageInput): Promise<WorkflowHandle> {
  const options = { workflowId: `detect-image/test/${input.model}`, taskQueue: ORCHESTRATION_QUEUE, args: [input] };
  return client.workflow.start('detectImage', options);
}

/** Events of a history by name, without the tasks of the workflow's own worker. */
async function eventsOf(handle: WorkflowHandle) {
  const { events } = await handle.fetchHistory();
  return (events ?? []).filter((event) => !event.workflowTaskScheduledEventAttributes);
}

async function scheduled(handle: WorkflowHandle) {
  return (await eventsOf(handle)).flatMap((event) => event.activityTaskScheduledEventAttributes ?? []);
}

/** Milliseconds of the timers of an execution, in order: its waits between rounds. */
async function waits(handle: WorkflowHandle): Promise<number[]> {
  const timers = (await eventsOf(handle)).flatMap((event) => event.timerStartedEventAttributes ?? []);
  return timers.map(({ startToFireTimeout }) => Number(startToFireTimeout?.seconds) * 1000);
}

/** The failure that the execution ends with. */
async function failureOf(handle: WorkflowHandle): Promise<ApplicationFailure> {
  const error: unknown = await handle.result().catch((failure: unknown) => failure);
  if (!(error instanceof WorkflowFailedError)) throw new Error(`ended otherwise: ${String(error)}`);
  if (!(error.cause instanceof ApplicationFailure)) throw error;
  return error.cause;
}

const failed = (image: number, reason: ImageReason): FailedImage => ({ image, reason, detail: `about ${image}` });

describe.concurrent('a batch', () => {
  it('that goes well is two actions: one start and one activity', async () => {
    const model = newModel();
    const { calls, recorded } = await detectors.start(model, (input) => detected(input));
    const input = batchOf(model, 5);
    const handle = await start(input);
    expect(await handle.result()).toEqual({ images: 5, detected: 5, dead: {} } satisfies BatchResult);
    expect(calls).toEqual([
      { model, buckets: ['uploads'], images: input.images, attempts: [0, 0, 0, 0, 0], express: false },
    ]);
    expect(recorded).toEqual([]);
    const { events } = await handle.fetchHistory();
    const kinds = (events ?? []).flatMap((event) =>
      Object.keys(event).filter((key) => key.endsWith('EventAttributes') && !key.startsWith('workflowTask')),
    );
    expect(kinds).toEqual([
      'workflowExecutionStartedEventAttributes',
      'activityTaskScheduledEventAttributes',
      'activityTaskStartedEventAttributes',
      'activityTaskCompletedEventAttributes',
      'workflowExecutionCompletedEventAttributes',
    ]);
    await recordHistory('detectBatch.detected', handle);
  });

  it('tries images again that failed for a passing reason, those alone, with backoff, and no others', async () => {
    const model = newModel();
    const { calls } = await detectors.start(model, (input, call) => {
      if (call === 0)
        return detected(input, {
          dead: [failed(1, 'GONE')],
          retry: [failed(2, 'FORBIDDEN'), failed(4, 'MODEL_FAILED')],
        });
      if (call === 1) return detected(input, { retry: [failed(0, 'FORBIDDEN'), failed(1, 'MODEL_FAILED')] });
      return detected(input);
    });
    const handle = await start(batchOf(model, 6));
    expect(await handle.result()).toEqual({ images: 6, detected: 5, dead: { GONE: 1 } });
    expect(calls.map(objectsOf)).toEqual([
      ['0.jpg', '1.jpg', '2.jpg', '3.jpg', '4.jpg', '5.jpg'],
      ['2.jpg', '4.jpg'],
      ['2.jpg', '4.jpg'],
    ]);
    expect(calls.map(({ attempts }) => attempts)).toEqual([
      [0, 0, 0, 0, 0, 0],
      [1, 1],
      [2, 2],
    ]);
    expect(await waits(handle)).toEqual([1000, 2000]);
    await recordHistory('detectBatch.retried', handle);
  });

  it('whose images use up their attempts has each recorded as dead once, and ends Failed, readably', async () => {
    const model = newModel();
    const { calls, recorded } = await detectors.start(model, (input, call) =>
      call === 0
        ? detected(input, {
            dead: [failed(0, 'NOT_AN_IMAGE')],
            retry: [failed(1, 'DOWNLOAD_FAILED'), failed(3, 'FORBIDDEN')],
          })
        : detected(input, { retry: [failed(0, 'DOWNLOAD_TIMEOUT'), failed(1, 'FORBIDDEN')] }),
    );
    const input = batchOf(model, 4);
    const handle = await start(input);
    const failure = await failureOf(handle);
    expect(failure.type).toBe('DeadImages');
    expect(failure.message).toBe(
      '3 dead (1 NOT_AN_IMAGE, 1 DOWNLOAD_TIMEOUT, 1 FORBIDDEN) of 4 images; an operator may retry them',
    );
    expect(failure.details).toEqual([
      { images: 4, detected: 1, dead: { NOT_AN_IMAGE: 1, DOWNLOAD_TIMEOUT: 1, FORBIDDEN: 1 } },
      ['gs://uploads/1.jpg#1: DOWNLOAD_TIMEOUT', 'gs://uploads/3.jpg#1: FORBIDDEN'],
    ]);
    expect(calls).toHaveLength(3);
    expect(recorded).toEqual([
      {
        model,
        buckets: ['uploads'],
        images: [input.images[1], input.images[3]],
        attempts: [3, 3],
        dead: [failed(0, 'DOWNLOAD_TIMEOUT'), failed(1, 'FORBIDDEN')],
      },
    ]);
    const query = `PenstockModel = '${model}' AND PenstockDead = 3 AND ExecutionStatus = 'Failed'`;
    await vi.waitFor(async () => expect((await client.workflow.count(query)).count).toBe(1), within);
    await recordHistory('detectBatch.dead', handle);
  });

  it('whose dead images no operator can help ends Completed, and says how many they are', async () => {
    const model = newModel();
    const { recorded } = await detectors.start(model, (input) =>
      detected(input, { dead: [failed(0, 'GONE'), failed(2, 'TOO_MANY_PIXELS')] }),
    );
    const handle = await start(batchOf(model, 3));
    expect(await handle.result()).toEqual({ images: 3, detected: 1, dead: { GONE: 1, TOO_MANY_PIXELS: 1 } });
    expect(recorded).toEqual([]);
    const query = `PenstockModel = '${model}' AND PenstockDead = 2 AND ExecutionStatus = 'Completed'`;
    await vi.waitFor(async () => expect((await client.workflow.count(query)).count).toBe(1), within);
  });

  it('with an image that kills what looks at it has that one dead, at once, and detects the others', async () => {
    const model = newModel();
    const { calls, recorded } = await detectors.start(model, (input) =>
      detected(input, { dead: [failed(1, 'POISON')] }),
    );
    const handle = await start(batchOf(model, 3));
    const failure = await failureOf(handle);
    expect(failure.message).toBe('1 dead (1 POISON) of 3 images; an operator may retry them');
    expect([calls.length, recorded.length]).toEqual([1, 0]);
    await recordHistory('detectBatch.poison', handle);
  });

  it('keeps the attempts of images that are handed back untried, however often', async () => {
    const model = newModel();
    const { calls } = await detectors.start(model, (input, call) =>
      call < 3 ? detected(input, { untried: [0, 1] }) : detected(input),
    );
    const handle = await start(batchOf(model, 2, { maxAttempts: 2 }));
    expect(await handle.result()).toEqual({ images: 2, detected: 2, dead: {} });
    expect(calls.map(({ attempts }) => attempts)).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
    expect(await waits(handle)).toEqual([1000, 2000, 4000]);
    await recordHistory('detectBatch.handed-back', handle);
  });

  it('whose detector falls silent or dies under it is tried image by image; only the one that kills is dead', async () => {
    const model = newModel();
    const { calls, recorded } = await detectors.start(model, (input, call) => {
      if (call === 0) return silence();
      if (objectsOf(input).includes('1.jpg')) throw new Error('the detector died');
      return detected(input);
    });
    const handle = await start(batchOf(model, 3, { maxAttempts: 1 }));
    const failure = await failureOf(handle);
    expect(failure.message).toBe('1 dead (1 WORKER_LOST) of 3 images; an operator may retry them');
    // A detector that falls silent is lost; one that fails four times in a row is as good as that for good.
    const together = Array.from({ length: 5 }, () => ['0.jpg', '1.jpg', '2.jpg']);
    const alone = [['0.jpg'], ...Array.from({ length: 4 }, () => ['1.jpg']), ['2.jpg']];
    expect(calls.map(objectsOf)).toEqual([...together, ...alone]);
    expect(recorded.map(({ dead }) => dead)).toEqual([
      [{ image: 0, reason: 'WORKER_LOST', detail: 'the detector died' }],
    ]);
    // The first try could only end by its heartbeat timeout: start to close is minutes.
    const [first] = await scheduled(handle);
    expect(Number(first?.heartbeatTimeout?.seconds)).toBeLessThanOrEqual(30);
    await recordHistory('detectBatch.detector-failed', handle);
  });

  it('repeats nothing that a lost detector had done by its last heartbeat', async () => {
    const model = newModel();
    const { calls } = await detectors.start(model, (input, call) => {
      if (call > 0) return detected(input);
      // Images 0, 2 and 9 are detected, 1 is dead, 3 has failed.
      const bits = Buffer.from([0b101, 0b10]).toString('base64');
      Context.current().heartbeat({ detected: bits, dead: [failed(1, 'GONE')], retry: [failed(3, 'FORBIDDEN')] });
      return silence();
    });
    const handle = await start(batchOf(model, 10));
    await vi.waitFor(
      async () =>
        expect(await handle.query('state')).toMatchObject({ detected: 3, dead: [[1, 'GONE']], lostDetectors: 1 }),
      { timeout: 40_000, interval: 100 },
    );
    expect(await handle.result()).toEqual({ images: 10, detected: 9, dead: { GONE: 1 } });
    expect(calls.slice(1).map(objectsOf)).toEqual([['3.jpg', '4.jpg', '5.jpg', '6.jpg', '7.jpg', '8.jpg']]);
    expect(calls[1]?.attempts).toEqual([1, 0, 0, 0, 0, 0]);
  });

  it('under which three detectors were lost has its images alone; only the one that is lost by itself pays', async () => {
    const model = newModel();
    const killers = new Set(['4.jpg']);
    const open = new Set<string>();
    let atOnce = 0;
    const { calls, recorded } = await detectors.start(model, async (input) => {
      const [object = ''] = objectsOf(input);
      if (killers.has(object)) return silence();
      open.add(object);
      atOnce = Math.max(atOnce, open.size);
      await sleep(100);
      open.delete(object);
      return detected(input);
    });
    const pending = Array.from({ length: 20 }, (_, image): [number, number] => [image, 0]);
    const progress: BatchProgress = { detected: 0, pending, dead: [], lostDetectors: 3 };
    const handle = await start(batchOf(model, 20, { progress, maxAttempts: 1 }));
    expect((await failureOf(handle)).message).toBe('1 dead (1 WORKER_LOST) of 20 images; an operator may retry them');
    expect(calls.map(({ images }) => images.length)).toEqual(Array.from({ length: 21 }, () => 1));
    expect(calls.filter((call) => objectsOf(call).includes('4.jpg'))).toHaveLength(2);
    expect(recorded.flatMap(objectsOf)).toEqual(['4.jpg']);
    expect(atOnce).toBeGreaterThan(1);
    expect(atOnce).toBeLessThanOrEqual(8);
    await recordHistory('detectBatch.alone', handle);
  });

  it('that is cancelled stops its activity and ends Cancelled', async () => {
    const model = newModel();
    let stopped = false;
    const { calls, recorded } = await detectors.start(model, async () => {
      try {
        return await untilCancelled();
      } finally {
        stopped = true;
      }
    });
    const handle = await start(batchOf(model, 2));
    await vi.waitFor(() => expect(calls).toHaveLength(1), within);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    expect(stopped).toBe(true);
    expect((await handle.describe()).status.name).toBe('CANCELLED');
    expect(recorded).toEqual([]);
    await recordHistory('detectBatch.cancelled', handle);
  });

  it('that is cancelled between two rounds ends Cancelled', async () => {
    const model = newModel();
    const { calls } = await detectors.start(model, (input) => detected(input, { untried: [0] }));
    const handle = await start(batchOf(model, 1));
    await vi.waitFor(() => expect(calls.length).toBeGreaterThanOrEqual(3), within);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    expect((await handle.describe()).status.name).toBe('CANCELLED');
  });

  it('waits for a detector as long as it takes: nothing bounds its time in the queue', async () => {
    const model = newModel();
    const handle = await start(batchOf(model, 2));
    await vi.waitFor(async () => expect(await scheduled(handle)).toHaveLength(1), within);
    const [activity] = await scheduled(handle);
    expect(Number(activity?.scheduleToStartTimeout?.seconds ?? 0)).toBe(0);
    expect(Number(activity?.scheduleToCloseTimeout?.seconds ?? 0)).toBe(0);
    expect(Number(activity?.startToCloseTimeout?.seconds)).toBeGreaterThan(0);
    expect(Number(activity?.heartbeatTimeout?.seconds)).toBeGreaterThan(0);
    expect(activity?.retryPolicy?.maximumAttempts).toBeGreaterThan(0);
    const run = (await handle.describe()).raw.executionConfig;
    expect(Number(run?.workflowExecutionTimeout?.seconds ?? 0)).toBe(0);
    expect(Number(run?.workflowRunTimeout?.seconds ?? 0)).toBe(0);
    await sleep(5_000);
    expect((await handle.describe()).status.name).toBe('RUNNING');
    await detectors.start(model, (input) => detected(input));
    expect(await handle.result()).toEqual({ images: 2, detected: 2, dead: {} });
  });

  it('of the express lane is detected on the express queue', async () => {
    const model = newModel();
    const bulk = await detectors.start(model, (input) => detected(input));
    const express = await detectors.start(model, (input) => detected(input), true);
    const handle = await start(batchOf(model, 1, { express: true, lane: 'express' }));
    await handle.result();
    expect(bulk.calls).toHaveLength(0);
    expect(express.calls.map((call) => call.express)).toEqual([true]);
  });

  it('goes on from what an earlier execution of it left, and tries nothing else', async () => {
    const model = newModel();
    const { calls } = await detectors.start(model, (input) => detected(input));
    const progress: BatchProgress = {
      detected: 2,
      pending: [
        [1, 2],
        [4, 0],
      ],
      dead: [[3, 'GONE']],
    };
    const handle = await start(batchOf(model, 5, { progress }));
    expect(await handle.result()).toEqual({ images: 5, detected: 4, dead: { GONE: 1 } });
    expect(calls.map(objectsOf)).toEqual([['1.jpg', '4.jpg']]);
    expect(calls.map(({ attempts }) => attempts)).toEqual([[2, 0]]);
  });

  it('answers the query `state` while it runs and after its end', async () => {
    const model = newModel();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const { calls } = await detectors.start(model, async (input, call) => {
      if (call === 0) return detected(input, { dead: [failed(1, 'GONE')], retry: [failed(2, 'MODEL_FAILED')] });
      await held;
      return detected(input);
    });
    const handle = await start(batchOf(model, 3));
    await vi.waitFor(() => expect(calls).toHaveLength(2), within);
    expect(await handle.query('state')).toEqual({ detected: 1, pending: [[2, 1]], dead: [[1, 'GONE']] });
    release();
    await handle.result();
    expect(await handle.query('state')).toEqual({ detected: 2, pending: [], dead: [[1, 'GONE']] });
  });
});

describe.concurrent('the start of a batch', () => {
  it('sets summary, memo and search attributes: the first 20 of 25 buckets, model and images', async () => {
    const model = newModel();
    await detectors.start(model, (input) => detected(input));
    const buckets = Array.from({ length: 25 }, (_, bucket) => `bucket-of-${model}-${bucket}`);
    const handle = await start(batchOf(model, 7, { buckets, lane: 'bulk' }));
    await handle.result();
    const description = await handle.describe();
    expect(description.memo).toEqual({ ...memo, fresh: true });
    expect(await description.staticSummary()).toBe(`7 images, model ${model}, lane bulk`);
    const found = async (query: string): Promise<number> => (await client.workflow.count(query)).count;
    const ours = `WorkflowType = 'detectBatch' AND PenstockModel = '${model}' AND PenstockImages = 7`;
    await vi.waitFor(async () => expect(await found(ours)).toBe(1), within);
    expect(await found(`${ours} AND PenstockBucket = '${buckets[0] ?? ''}'`)).toBe(1);
    expect(await found(`${ours} AND PenstockBucket = '${buckets[19] ?? ''}'`)).toBe(1);
    expect(await found(`PenstockBucket = '${buckets[20] ?? ''}'`)).toBe(0);
  });

  it('under an id that exists, running or closed, starts nothing and gives the memo of what exists', async () => {
    const model = newModel();
    const handle = await start(batchOf(model, 1));
    const again = { workflowId: idOf(model), input: batchOf(model, 1), memo: { ...memo, lastOffset: '7' } };
    expect(await starter.start(again)).toEqual({ kind: 'exists', memo });
    const { calls } = await detectors.start(model, (input) => detected(input));
    await handle.result();
    expect(await starter.start(again)).toEqual({ kind: 'exists', memo });
    expect(calls).toHaveLength(1);
  });

  it('that is too large for the server is refused, so that it can be halved', async () => {
    const model = newModel();
    const input = batchOf(model, 0, {
      images: Array.from({ length: 3_000 }, (_, image) => [0, `${image}-${'x'.repeat(900)}`, '1', 1, 2]),
    });
    const outcome = await starter.start({ workflowId: idOf(model), input, memo });
    expect(outcome.kind).toBe('refused');
    await expect(client.workflow.getHandle(idOf(model)).describe()).rejects.toThrow(WorkflowNotFoundError);
  });
});

describe.concurrent('a single image', () => {
  const image = (model: string): DetectImageInput => ({
    model,
    bucket: 'uploads',
    object: 'dog.jpg',
    generation: '1',
    uploadedAtMs: 1_700_000_000_000,
    receivedAtMs: 1_700_000_001_000,
    maxAttempts: 2,
  });
  const boxes: DetectedImage = {
    width: 768,
    height: 576,
    detections: [{ class: 'dog', score: 0.83, xMin: 133, yMin: 206, xMax: 324, yMax: 542 }],
  };

  it('gives its boxes, detected on the express queue, after what passes has passed', async () => {
    const model = newModel();
    const { calls } = await detectors.start(
      model,
      (input, call) => {
        if (call === 0) return detected(input, { untried: [0] });
        if (call === 1) return detected(input, { retry: [failed(0, 'DOWNLOAD_FAILED')] });
        return { ...detected(input), detections: boxes };
      },
      true,
    );
    const handle = await startImage(image(model));
    expect(await handle.result()).toEqual(boxes);
    expect(calls.map(({ attempts, express, withDetections }) => [attempts, express, withDetections])).toEqual([
      [[0], true, true],
      [[0], true, true],
      [[1], true, true],
    ]);
    await recordHistory('detectImage.detected', handle);
  });

  it('whose detector dies under it is tried again, and that was an attempt', async () => {
    const model = newModel();
    const { calls } = await detectors.start(
      model,
      (input, call) => {
        if (call < 4) throw new Error('the detector died');
        return { ...detected(input), detections: boxes };
      },
      true,
    );
    const handle = await startImage(image(model));
    expect(await handle.result()).toEqual(boxes);
    expect(calls.map(({ attempts }) => attempts)).toEqual([[0], [0], [0], [0], [1]]);
    await recordHistory('detectImage.detector-lost', handle);
  });

  it('that is cancelled stops its activity and ends Cancelled', async () => {
    const model = newModel();
    const { calls } = await detectors.start(model, () => untilCancelled(), true);
    const handle = await startImage(image(model));
    await vi.waitFor(() => expect(calls).toHaveLength(1), within);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    expect((await handle.describe()).status.name).toBe('CANCELLED');
    await recordHistory('detectImage.cancelled', handle);
  });

  it('that can never be detected fails at once, with the reason as type', async () => {
    const model = newModel();
    const dead = { image: 0, reason: 'NOT_AN_IMAGE' as const, detail: 'empty object' };
    const { calls, recorded } = await detectors.start(model, (input) => detected(input, { dead: [dead] }), true);
    const handle = await startImage(image(model));
    const failure = await failureOf(handle);
    expect([failure.type, failure.message]).toEqual(['NOT_AN_IMAGE', 'gs://uploads/dog.jpg: empty object']);
    expect([calls.length, recorded.length]).toEqual([1, 0]);
  });

  it('whose attempts are used up is recorded as dead once and fails with the last reason as type', async () => {
    const model = newModel();
    const { calls, recorded } = await detectors.start(
      model,
      (input) => detected(input, { retry: [failed(0, 'FORBIDDEN')] }),
      true,
    );
    const handle = await startImage(image(model));
    expect((await failureOf(handle)).type).toBe('FORBIDDEN');
    expect(calls).toHaveLength(2);
    expect(recorded.map(({ attempts, dead }) => [attempts, dead])).toEqual([[[2], [failed(0, 'FORBIDDEN')]]]);
    await recordHistory('detectImage.dead', handle);
  });
});

describe.concurrent('periodic work', () => {
  it.each([
    { workflow: 'rollUp', args: [{ verify: false }] },
    { workflow: 'housekeep', args: [] },
  ])('$workflow runs to its end on the orchestration queue', async ({ workflow, args }) => {
    const options = { workflowId: `test/${workflow}/${newModel()}`, taskQueue: ORCHESTRATION_QUEUE, args };
    const handle = await client.workflow.start(workflow, options);
    await handle.result();
    await recordHistory(workflow, handle);
  });
});
