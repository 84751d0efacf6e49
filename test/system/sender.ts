import { setTimeout as sleep } from 'node:timers/promises';
import { pushOf, type Uploaded } from './pipeline.js';

/** An event to send, and what its object resource says. */
export interface Sent {
  image: Uploaded;
  resource: Record<string, unknown>;
}

/** What intake answered to one try. */
export interface Answered {
  atMs: number;
  /** 0: no answer at all, because the connection was refused or broke. */
  status: number;
}

/** What is sent until it is stopped; `stop` tells how many, once all were taken, and may be called again. */
export interface Load {
  stop: () => Promise<number>;
}

const TRY_MS = 15_000;
const AGAIN_MS = 500;

/** Sends events as Pub/Sub does, each again until it is taken, and keeps what was answered. */
export class Sender {
  readonly answers: Answered[] = [];
  taken = 0;
  #open = 0;

  /** @param intake where intake is now; read at every try */
  constructor(
    private readonly intake: () => string | Promise<string>,
    private readonly limitMs = 300_000,
  ) {}

  /** Rejects where it is refused for good, or not taken in time. */
  async send({ image, resource }: Sent): Promise<void> {
    const body = pushOf(image, resource);
    const deadline = performance.now() + this.limitMs;
    this.#open += 1;
    try {
      while (performance.now() < deadline) {
        const status = await this.#post(body);
        this.answers.push({ atMs: performance.now(), status });
        if (status >= 200 && status < 300) {
          this.taken += 1;
          return;
        }
        if (status >= 400 && status < 500) throw new Error(`intake answers ${status}`);
        await sleep(AGAIN_MS);
      }
      throw new Error(`intake did not take ${image.object} in ${this.limitMs} ms`);
    } finally {
      this.#open -= 1;
    }
  }

  /** Statuses between two moments of `performance.now()`, each once. */
  statuses(fromMs: number, toMs: number): number[] {
    const within = this.answers.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
    return [...new Set(within.map(({ status }) => status))].sort((a, b) => a - b);
  }

  /** Sends one event after the other, so many a second, whatever is answered, until told to stop; at most 300 are open. */
  steady(perSecond: number, next: (index: number) => Sent): Load {
    const sending: Promise<void>[] = [];
    const timer = setInterval(() => {
      if (this.#open < 300) sending.push(this.send(next(sending.length)));
    }, 1_000 / perSecond);
    return {
      stop: async () => {
        clearInterval(timer);
        await Promise.all(sending);
        return sending.length;
      },
    };
  }

  async #post(body: string): Promise<number> {
    try {
      const response = await fetch(`${await this.intake()}/events/pubsub`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
        signal: AbortSignal.timeout(TRY_MS),
      });
      await response.arrayBuffer();
      return response.status;
    } catch {
      return 0;
    }
  }
}
