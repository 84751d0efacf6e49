import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  detectImageId,
  detectOne,
  readCapacity,
  type OneImageOutcome,
  type TemporalClient,
} from '../../client/index.js';
import type { CapacityState, DetectImageInput } from '../../domain/index.js';
import type { Logger } from '../../telemetry/index.js';
import { untilConnected } from '../untilConnected.js';

/** What the API asks of Temporal. */
export interface Detection {
  /** Undefined while there is no connection. */
  detect(
    input: DetectImageInput,
    bounds: { deadlineMs: number; signal: AbortSignal },
  ): Promise<OneImageOutcome> | undefined;
  /** Undefined where it is not known, or older than ten seconds. */
  capacity(): CapacityState | undefined;
  /** The last question about it was not answered: Temporal is away, or no orchestrator runs. */
  isAway(): boolean;
  close(): Promise<void>;
}

const EVERY_MS = 2_000;
const ANSWER_MS = 2_000;
const FRESH_MS = 10_000;

/** Connects in the background, for as long as it takes, and keeps asking for the capacity: intake needs neither. */
export function connectDetection(log: Logger): Detection {
  const closing = new AbortController();
  const { signal } = closing;
  let temporal: TemporalClient | undefined;
  let capacity: { state: CapacityState; atMs: number } | undefined;
  let isAway = true;
  const together = new Together();

  const run = async (): Promise<void> => {
    const { client } = (temporal = await untilConnected(log, {
      signal,
      whileAway: 'Temporal is away: nothing is detected by the API',
    }));
    for (;;) {
      const askedAtMs = performance.now();
      try {
        capacity = { state: await readCapacity(client, ANSWER_MS), atMs: askedAtMs };
        isAway = false;
      } catch (err) {
        if (!isAway) log.warn({ err }, 'the capacity can not be read');
        isAway = true;
      }
      await sleep(EVERY_MS, undefined, { signal });
    }
  };
  const running = run().catch((err: unknown) => {
    if (!signal.aborted) log.error({ err }, 'the detect API lost its connection to Temporal');
  });

  return {
    detect: (input, bounds) => {
      const client = temporal?.client;
      return (
        client &&
        together.of(detectImageId(input.model, input), (updateId) => detectOne(client, input, { ...bounds, updateId }))
      );
    },
    capacity: () => (capacity && performance.now() - capacity.atMs <= FRESH_MS ? capacity.state : undefined),
    isAway: () => isAway,
    close: async () => {
      closing.abort();
      await running;
      await temporal?.connection.close();
    },
  };
}

/** Those that wait for one image at the same time, under an id that they have in common. */
class Together {
  readonly #groups = new Map<string, { id: string; waiting: number }>();

  async of<T>(key: string, wait: (id: string) => Promise<T>): Promise<T> {
    const group = this.#groups.get(key) ?? { id: randomUUID(), waiting: 0 };
    this.#groups.set(key, group);
    group.waiting += 1;
    try {
      return await wait(group.id);
    } finally {
      group.waiting -= 1;
      if (group.waiting === 0) this.#groups.delete(key);
    }
  }
}
