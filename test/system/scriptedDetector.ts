import { randomUUID } from 'node:crypto';
import { Context } from '@temporalio/activity';
import { NativeConnection, Worker } from '@temporalio/worker';
import {
  detectQueue,
  type DetectImagesInput,
  type DetectImagesResult,
  type DetectionActivities,
  type RecordDeadInput,
} from '../../src/domain/index.js';

/** What the detector answers to a call; `call` counts from 0, tries of one activity included. */
export type Answer = (input: DetectImagesInput, call: number) => DetectImagesResult | Promise<DetectImagesResult>;

export interface ScriptedDetector {
  /** Inputs of `detectImages` in the order of the calls. */
  calls: DetectImagesInput[];
  /** Inputs of `recordDead` in the order of the calls. */
  recorded: RecordDeadInput[];
}

/** A model that no other test knows: its queues are this test's own. */
export function newModel(): string {
  return `model-${randomUUID().slice(0, 8)}`;
}

/** What the objects of the images of a call are called. */
export function objectsOf({ images }: Pick<DetectImagesInput, 'images'>): string[] {
  return images.map(([, object]) => object);
}

/** The answer of a detector that detects every image, but for what is given. */
export function detected(input: DetectImagesInput, but: Partial<DetectImagesResult> = {}): DetectImagesResult {
  const { dead = [], retry = [], untried = [] } = but;
  return { detected: input.images.length - dead.length - retry.length - untried.length, dead, retry, untried, ...but };
}

/** Heartbeats until the activity is cancelled; then rejects as an activity that was cancelled. */
export async function untilCancelled(): Promise<never> {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(), 100);
  try {
    return await context.cancelled;
  } finally {
    clearInterval(beat);
  }
}

/** Heartbeats until `end`. */
export async function beatUntil(end: Promise<void>): Promise<void> {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(), 100);
  try {
    await end;
  } finally {
    clearInterval(beat);
  }
}

/** As a detector that died: no heartbeat, and no answer that anyone waits for. Ends with the worker of the test. */
export async function silence(): Promise<never> {
  return Context.current().cancelled;
}

/** Detectors whose every answer a test scripts: real workers on the task queues of a model of the test's own. */
export class ScriptedDetectors {
  readonly #connection: NativeConnection;
  readonly #running: { worker: Worker; end: Promise<void> }[] = [];

  private constructor(
    connection: NativeConnection,
    private readonly namespace: string,
  ) {
    this.#connection = connection;
  }

  static async connect(address: string, namespace = 'default'): Promise<ScriptedDetectors> {
    return new ScriptedDetectors(await NativeConnection.connect({ address }), namespace);
  }

  async start(model: string, answer: Answer, express = false): Promise<ScriptedDetector> {
    const detector: ScriptedDetector = { calls: [], recorded: [] };
    const activities: DetectionActivities = {
      detectImages: async (input) => {
        detector.calls.push(input);
        return answer(input, detector.calls.length - 1);
      },
      recordDead: (input) => {
        detector.recorded.push(input);
        return Promise.resolve();
      },
    };
    const worker = await Worker.create({
      connection: this.#connection,
      namespace: this.namespace,
      taskQueue: detectQueue(model, express),
      activities: { ...activities },
      maxHeartbeatThrottleInterval: '200ms',
      shutdownForceTime: '5s',
    });
    this.#running.push({ worker, end: worker.run() });
    return detector;
  }

  async close(): Promise<void> {
    for (const { worker } of this.#running) worker.shutdown();
    await Promise.all(this.#running.map(({ end }) => end));
    await this.#connection.close();
  }
}
