import { CancelledFailure, Context } from '@temporalio/activity';
import type {
  DetectImagesInput,
  DetectImagesResult,
  DetectionActivities,
  ImageReason,
  RecordDeadInput,
} from '../domain/index.js';
import type { Engine, ImageOutcome, SettledImage } from '../inference/index.js';
import { createBoundedLog, type BoundedLog, type Logger } from '../telemetry/index.js';
import type { Tracing } from '../tracing/index.js';
import { BatchWork, parseCheckpoint } from './batchWork.js';
import { imageResult, type PublishResults, type ResultOrigin, type TracedResult } from './results.js';

export interface DetectionDependencies {
  engine: Engine;
  publish: PublishResults;
  /** name@hash of the model that the engine runs. */
  modelId: string;
  /**
   * Without an acknowledged outcome for so long, an activity hands its images back: waiting is the workflow's business.
   * Longer than any image may take once it has begun, so that none is handed back again and again while it is worked on.
   */
  stallMs: number;
  observer: DetectionObserver;
  tracing: Pick<Tracing, 'record'>;
  log: Logger;
}

/** What is told for metrics. */
export interface DetectionObserver {
  /** How long an image has waited for its inference, since its upload or when its event was received; seconds. */
  waited: (express: boolean, seconds: number) => void;
  /** An image's death is recorded. */
  died: (reason: ImageReason) => void;
}

/** An activity ends by itself well before its bound and hands back what it did not get to. */
const WORK_LIMIT_MS = 10 * 60_000;
const TICK_MS = 1_000;
/** How long what runs, or is being acknowledged, is waited for when the rest is handed back; milliseconds. */
const FINISH_MS = 3_000;
/** While the pacer lets nothing run for so long (no lease, no budget), images are handed back; milliseconds. */
const STARVED_MS = 30_000;

/**
 * Activities of a detector. Outcomes are published as they come; only what the broker has acknowledged counts as done,
 * and the heartbeat carries it, so that a retry after a lost detector repeats little.
 */
export function createDetectionActivities(dependencies: DetectionDependencies): DetectionActivities {
  const warn = createBoundedLog(dependencies.log, 1);
  return {
    detectImages: (input) => detectImages({ ...dependencies, warn }, input),
    recordDead: (input) => recordDead(dependencies, input),
  };
}

async function detectImages(
  dependencies: DetectionDependencies & { warn: BoundedLog },
  input: DetectImagesInput,
): Promise<DetectImagesResult> {
  const { engine, publish, log, warn, modelId, observer } = dependencies;
  const context = Context.current();
  const origin = originOf(context, modelId, input.buckets);
  const { workflowId } = origin;
  const work = new BatchWork(input, parseCheckpoint(context.info.heartbeatDetails));
  const stop = new AbortController();

  const resultOf = ({ image, outcome }: SettledImage): TracedResult[] => {
    const packed = input.images[image];
    if (packed === undefined || outcome.kind === 'retry') return [];
    // What a backfill sends was uploaded long ago, and has waited only since it was received.
    if (outcome.kind === 'detected')
      observer.waited(input.express, (outcome.detectedAtMs - Math.max(packed[3], packed[4])) / 1000);
    const what =
      outcome.kind === 'detected'
        ? { status: 'detected' as const, ...outcome }
        : { status: 'dead' as const, ...outcome, detectedAtMs: Date.now() };
    return [{ result: imageResult(origin, packed, (input.attempts[image] ?? 0) + 1, what), traceparent: packed[6] }];
  };

  // Never per image: promises cost more than all that is done for one here.
  const settle = async (settled: readonly SettledImage[]): Promise<void> => {
    try {
      const results = settled.flatMap(resultOf);
      await publish(results);
      tell(dependencies, results);
      for (const { image, outcome } of settled) work.settle(image, outcome);
    } catch (error) {
      // Not acknowledged: the images are not done, whatever the broker stored. They are handed back and detected again.
      warn({ err: error, batchId: workflowId, images: settled.length }, 'results not acknowledged');
      for (const { image } of settled) work.release(image);
    }
  };

  const settling = new Set<Promise<void>>();
  const begin = (settled: readonly SettledImage[]): void => {
    // What is to be tried again has no result: it need not wait for those of the others.
    for (const { image, outcome } of settled) if (outcome.kind === 'retry') work.settle(image, outcome);
    const final = settled.filter(({ outcome }) => outcome.kind !== 'retry');
    if (final.length === 0) return;
    const done = settle(final).finally(() => settling.delete(done));
    settling.add(done);
  };

  const isLate = (image: number): boolean => (input.images[image]?.[5] ?? Infinity) < Date.now();
  const late = work.pending().filter(isLate);
  // Before anything is spent on them: they waited too long.
  begin(late.map((image) => ({ image, outcome: expired(input.images[image]?.[5] ?? 0) })));
  const pending = work.pending().filter((image) => !late.includes(image));
  const left = engine.detect({
    images: pending.map((image) => work.reference(image)),
    express: input.express,
    signal: stop.signal,
    onOutcomes: (settled) => {
      const inBatch = settled.flatMap(({ image: index, outcome }) => {
        const image = pending[index];
        return image === undefined ? [] : [{ image, outcome }];
      });
      begin(inBatch);
    },
  });

  const cancelled = watchCancellation(context);
  const beat = setInterval(() => context.heartbeat(work.checkpoint()), TICK_MS);
  try {
    await work.finished({
      stallMs: dependencies.stallMs,
      starved: () => engine.starvedMs(),
      starvedMs: STARVED_MS,
      limitMs: WORK_LIMIT_MS,
      cancelled: cancelled.promise,
    });
  } finally {
    clearInterval(beat);
    stop.abort();
  }
  if (cancelled.failure !== undefined && !cancelled.isShutdown) throw cancelled.failure;
  // Handed back, they would be detected again.
  await within(
    FINISH_MS,
    left.then(() => Promise.all(settling)),
  );
  const result = work.result(input.withDetections ?? false);
  log.info(
    {
      batchId: workflowId,
      detected: result.detected,
      dead: result.dead.length,
      retry: result.retry.length,
      untried: result.untried.length,
    },
    'images detected',
  );
  return result;
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}

function expired(deadlineMs: number): ImageOutcome {
  const detail = `deadline ${new Date(deadlineMs).toISOString()} was past before a detector had it`;
  return { kind: 'dead', reason: 'EXPIRED', detail };
}

async function recordDead(dependencies: DetectionDependencies, input: RecordDeadInput): Promise<void> {
  const origin = originOf(Context.current(), dependencies.modelId, input.buckets);
  const results = input.dead.flatMap(({ image, reason, detail }) => {
    const packed = input.images[image];
    const outcome = { status: 'dead' as const, reason, detail, detectedAtMs: Date.now() };
    if (packed === undefined) return [];
    const result = imageResult(origin, packed, input.attempts[image] ?? 0, outcome);
    return [{ result, traceparent: packed[6] }];
  });
  await dependencies.publish(results);
  tell(dependencies, results);
}

/** What is published shows in metrics, and in the traces of the few images that are traced. */
function tell({ observer, tracing }: DetectionDependencies, results: readonly TracedResult[]): void {
  for (const { result, traceparent } of results) {
    const { status, reason, detail, detectedAtMs, attempts, model, workflowId, runId } = result;
    if (reason !== undefined) observer.died(reason);
    if (traceparent === undefined) continue;
    tracing.record('detect', {
      ...{ parent: traceparent, startMs: detectedAtMs },
      attributes: {
        ...{ 'penstock.status': status, 'penstock.model': model, 'penstock.attempts': attempts },
        ...{ 'penstock.batch': workflowId, 'penstock.run': runId },
      },
      ...(reason === undefined ? {} : { error: `${reason}: ${detail ?? ''}` }),
    });
  }
}

function originOf(context: Context, model: string, buckets: readonly string[]): ResultOrigin {
  const { workflowId = '', runId = '' } = context.info.workflowExecution ?? {};
  return { model, buckets, workflowId, runId };
}

interface Cancellation {
  /** Resolves when the activity is cancelled, or when the worker shuts down. */
  promise: Promise<void>;
  failure: CancelledFailure | undefined;
  /** The worker goes, not the work: what is done counts, the rest is handed back. */
  isShutdown: boolean;
}

function watchCancellation(context: Context): Cancellation {
  const cancellation: Cancellation = { promise: Promise.resolve(), failure: undefined, isShutdown: false };
  cancellation.promise = context.cancelled.catch((error: unknown) => {
    if (!(error instanceof CancelledFailure)) throw error;
    cancellation.failure = error;
    cancellation.isShutdown = error.message === 'WORKER_SHUTDOWN';
  });
  return cancellation;
}
