import { setTimeout as sleep } from 'node:timers/promises';
import { CancelledFailure } from '@temporalio/activity';
import { describe, expect, it, vi } from 'vitest';
import { createDetectionActivities } from '../../../src/activities/detectImages.js';
import type { PublishResults } from '../../../src/activities/results.js';
import type { DetectImagesInput } from '../../../src/domain/index.js';
import type { DetectRequest, Engine, ImageOutcome } from '../../../src/inference/index.js';
import { createLogger } from '../../../src/telemetry/index.js';
import { NO_TRACING } from '../../../src/tracing/index.js';

const context = vi.hoisted(() => ({ cancelled: new Promise<never>(() => undefined) }));

vi.mock('@temporalio/activity', async (original) => ({
  ...(await original<object>()),
  Context: {
    current: () => ({
      info: { workflowExecution: { workflowId: 'w', runId: 'r' } },
      heartbeat: () => undefined,
      cancelled: context.cancelled,
    }),
  },
}));

const INPUT: DetectImagesInput = {
  ...{ model: 'shapes', buckets: ['uploads'], express: false, attempts: [0, 0, 0] },
  images: [0, 1, 2].map((image) => [0, `${image}.jpg`, '1', 1, 2]),
};

/** One that has begun with the first image when it is told to stop, and takes the others back. */
function engineThatRuns(onStop: (request: DetectRequest) => Promise<void>): Engine {
  return {
    detect: (request) =>
      new Promise((resolve) => {
        request.signal.addEventListener('abort', () => void onStop(request).then(resolve));
      }),
    isReady: () => true,
    starvedMs: () => 0,
    close: () => Promise.resolve(),
  };
}

const DETECTED: ImageOutcome = {
  ...{ kind: 'detected', image: { width: 1, height: 1, detections: [] }, detectedAtMs: 1 },
};

function run(
  engine: Engine,
  publish: PublishResults,
  waited: (express: boolean, seconds: number) => void = () => undefined,
) {
  let shutDown: (error: unknown) => void = () => undefined;
  context.cancelled = new Promise((_resolve, reject) => (shutDown = reject));
  const activities = createDetectionActivities({
    ...{ engine, modelId: 'shapes@1', stallMs: 60_000, log: createLogger('test', 'silent') },
    publish,
    observer: { waited, died: () => undefined },
    tracing: NO_TRACING,
  });
  const result = activities.detectImages(INPUT);
  shutDown(new CancelledFailure('WORKER_SHUTDOWN'));
  return result;
}

describe('images of a worker that stops', () => {
  it('count as detected where they ran already, once that is acknowledged; the rest is handed back', async () => {
    const engine = engineThatRuns(async ({ onOutcomes }) => {
      await sleep(20);
      onOutcomes([{ image: 0, outcome: DETECTED }]);
    });
    const result = await run(engine, () => sleep(50));
    expect(result).toMatchObject({ detected: 1, untried: [1, 2] });
  });

  it('have waited since their events were received where that is later than their upload', async () => {
    const engine = engineThatRuns(({ onOutcomes }) => {
      onOutcomes([{ image: 0, outcome: { ...DETECTED, detectedAtMs: 5_002 } }]);
      return Promise.resolve();
    });
    const waited = vi.fn();
    await run(engine, () => Promise.resolve(), waited);
    expect(waited.mock.calls).toEqual([[false, 5]]);
  });

  it('share one publication where they have their outcomes together; without it, those that may be tried again stay so', async () => {
    const failed: ImageOutcome = { kind: 'retry', reason: 'MODEL_FAILED', detail: 'lost' };
    const settled = [0, 1, 2].map((image) => ({ image, outcome: image === 2 ? failed : DETECTED }));
    const engine = engineThatRuns(({ onOutcomes }) => {
      onOutcomes(settled);
      return Promise.resolve();
    });
    const published: number[] = [];
    const stored = await run(engine, (results) => {
      published.push(results.length);
      return Promise.resolve();
    });
    expect(published).toEqual([2]);
    expect(stored).toMatchObject({ detected: 2, untried: [], retry: [{ image: 2, reason: 'MODEL_FAILED' }] });
    const refused = await run(engine, () => Promise.reject(new Error('not acknowledged')));
    expect(refused).toMatchObject({ detected: 0, untried: [0, 1], retry: [{ image: 2 }] });
  });

  it('that may be tried again are known as such while a publication does not end', async () => {
    vi.useFakeTimers();
    const failed: ImageOutcome = { kind: 'retry', reason: 'MODEL_FAILED', detail: 'lost' };
    const engine = engineThatRuns(({ onOutcomes }) => {
      onOutcomes([
        { image: 0, outcome: DETECTED },
        { image: 1, outcome: failed },
      ]);
      return Promise.resolve();
    });
    const result = run(engine, () => new Promise(() => undefined));
    await vi.advanceTimersByTimeAsync(3_000);
    vi.useRealTimers();
    expect(await result).toMatchObject({ detected: 0, untried: [0, 2], retry: [{ image: 1 }] });
  });

  it('are handed back after a few seconds where the end of their run does not come', async () => {
    vi.useFakeTimers();
    const result = run(
      engineThatRuns(() => new Promise(() => undefined)),
      () => Promise.resolve(),
    );
    await vi.advanceTimersByTimeAsync(3_000);
    vi.useRealTimers();
    expect(await result).toMatchObject({ detected: 0, untried: [0, 1, 2] });
  });
});
