import type { z } from 'zod';
import type { LastRun, TemporalClient } from '../client/index.js';
import { runLink, selectBatches } from '../operations/index.js';
import type { batchesAnswer } from './answers.js';
import { ConsoleError } from './errors.js';
import { Shared } from './shared.js';

/** Failed batches that are shown; more are for `penstock retry`. */
const MOST_BATCHES = 200;
/** Those who ask within so long of each other share one look. */
const FRESH_MS = 10_000;
/** The page gives up after 30 s; what it is told by then it can show. */
const LIMIT_MS = 20_000;
/** Runs of which the dead images are kept. */
const MOST_KNOWN = 2_000;

type Answer = z.input<typeof batchesAnswer>;

export interface FailedBatchesOptions {
  /** Throws where Temporal is away. */
  temporal: () => Promise<TemporalClient>;
  temporalUi: () => string | undefined;
  /** Default 20,000. */
  limitMs?: number;
}

/** The batches that have failed, for all who look at them: one look at a time. */
export class FailedBatches {
  readonly #options: FailedBatchesOptions;
  readonly #limitMs: number;
  readonly #known = new LatestMap<LastRun['dead']>(MOST_KNOWN);
  readonly #shared = new Shared(() => this.#look(), FRESH_MS);

  constructor(options: FailedBatchesOptions) {
    this.#options = options;
    this.#limitMs = options.limitMs ?? LIMIT_MS;
  }

  /** As they are, or were ten seconds ago. Throws ConsoleError where Temporal does not tell in time. */
  async read(): Promise<Answer> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(this.#late()), this.#limitMs);
    });
    try {
      return await Promise.race([this.#shared.get(), limit]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Some were started again: who looks next sees it. */
  changed(): void {
    this.#shared.forget();
  }

  async #look(): Promise<Answer> {
    const { temporal, temporalUi } = this.#options;
    const signal = AbortSignal.timeout(this.#limitMs);
    const { client, namespace } = await temporal();
    const { all, more } = await client
      .withDeadline(Date.now() + this.#limitMs, () =>
        selectBatches(client, { by: 'all' }, { most: MOST_BATCHES, signal, known: this.#known }),
      )
      .catch((error: unknown) => {
        throw signal.aborted ? this.#late(error) : error;
      });
    const link = runLink(temporalUi(), namespace);
    return {
      more,
      batches: all.map(({ run, problem = null }) => {
        const { workflowId, runId, status, closedAt, model, images, dead } = run;
        const of = { workflowId, runId, status, closedAt: closedAt?.toISOString() ?? null, model, images, dead };
        return { ...of, problem, link: link(workflowId, runId) };
      }),
    };
  }

  #late(cause?: unknown): ConsoleError {
    return new ConsoleError(503, `Temporal: no answer within ${this.#limitMs / 1000} s`, { cause });
  }
}

/** Keeps those that were set last. */
class LatestMap<V> extends Map<string, V> {
  readonly #most: number;

  constructor(most: number) {
    super();
    this.#most = most;
  }

  override set(key: string, value: V): this {
    super.set(key, value);
    const [oldest] = this.keys();
    if (this.size > this.#most && oldest !== undefined) this.delete(oldest);
    return this;
  }
}
