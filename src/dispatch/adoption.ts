import { retryForever } from '../service/index.js';
import type { Logger } from '../telemetry/index.js';
import type { Window } from './window.js';

const BACKOFF = { firstMs: 250, maxMs: 5_000 };

export interface AdoptionOptions {
  topic: string;
  /** Ids of the open batches of the topic, as visibility has them. */
  list: () => Promise<string[]>;
  /** Resolves when the execution has closed. */
  follow: (workflowId: string) => Promise<void>;
  window: Pick<Window, 'hold'>;
  /** What this process reads has changed, and is not counted yet. */
  onBegin: () => void;
  /** What is open in so many partitions, all that this process reads, is counted. */
  onAdopted: (partitions: number) => void;
  log: Logger;
}

/**
 * Counts the open batches of the partitions that this process is given, whoever started them: at each rebalance, and
 * before the first start in it.
 *
 * Visibility follows executions within a second or two. A batch that it does not list yet is one that another dispatcher
 * started in that time: one that lives counts it until it closes, one that was killed is replaced later than that, and
 * one that stops stays for the time of a rebalance. Where a batch is missed all the same, one batch more than the window
 * is open until it closes; it is found by its id when its records are read again.
 */
export class Adoption {
  readonly #options: AdoptionOptions;
  #pending = new Map<number, Promise<void>>();

  constructor(options: AdoptionOptions) {
    this.#options = options;
  }

  /** A generation of the consumer group begins with these partitions; `signal` aborts when it ends. */
  begin(partitions: readonly number[], signal: AbortSignal): void {
    this.#options.onBegin();
    const adopted = this.#adopt(new Set(partitions), signal);
    const pending = new Map(partitions.map((partition) => [partition, adopted]));
    this.#pending = pending;
    void adopted.then(() => pending.clear());
  }

  /** Resolves when the open batches of a partition are counted, or its generation has ended; undefined once they are. */
  pending(partition: number): Promise<void> | undefined {
    return this.#pending.get(partition);
  }

  async #adopt(partitions: ReadonlySet<number>, signal: AbortSignal): Promise<void> {
    const { topic, list, follow, window, onAdopted, log } = this.#options;
    const found = await retryForever(list, {
      ...{ backoff: BACKOFF, signal },
      onError: (err, tries) => log.warn({ err, topic, tries }, 'open batches can not be listed yet'),
    }).catch(() => undefined);
    if (found === undefined) return;
    const mine = found.filter((workflowId) => partitions.has(partitionOf(workflowId, topic)));
    for (const workflowId of mine) window.hold(workflowId, () => follow(workflowId));
    if (mine.length > 0) log.info({ topic, batches: mine.length }, 'open batches of these partitions count');
    onAdopted(partitions.size);
  }
}

/** From `detect/<topic>/<partition>/…`. */
function partitionOf(workflowId: string, topic: string): number {
  return Number(workflowId.slice(`detect/${topic}/`.length).split('/', 1)[0]);
}
