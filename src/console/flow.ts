import type { StatusReport } from '../operations/index.js';
import type { Sample } from './answers.js';
import { Shared } from './shared.js';

/** Samples that are kept: four hours of them. */
const SAMPLES = 960;
const SAMPLE_MS = 15_000;
/** Those who ask within so long of each other share one look. */
const FRESH_MS = 10_000;

export interface FlowWatchOptions {
  look: () => Promise<StatusReport>;
  onError: (error: unknown) => void;
  /** Default 15,000. */
  everyMs?: number;
  /** Default 10,000. */
  freshMs?: number;
}

/**
 * Looks at the stack every quarter of a minute for the chart, and when somebody asks. One look at a time, whoever asks.
 * What is older than four hours is Grafana's.
 */
export class FlowWatch {
  readonly #shared: Shared<StatusReport>;
  readonly #samples: Sample[] = [];
  readonly #timer: NodeJS.Timeout;
  #sampled: StatusReport | undefined;

  constructor({ look, onError, everyMs = SAMPLE_MS, freshMs = FRESH_MS }: FlowWatchOptions) {
    this.#shared = new Shared(look, freshMs);
    const sample = (): void => void this.#shared.get().then((status) => this.#sample(status), onError);
    sample();
    this.#timer = setInterval(sample, everyMs);
  }

  /** The state of now, or of ten seconds ago. */
  status(): Promise<StatusReport> {
    return this.#shared.get();
  }

  /** The oldest first. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** One point for each look. */
  #sample(status: StatusReport): void {
    if (status === this.#sampled) return;
    this.#sampled = status;
    if (this.#samples.push(sampleOf(status)) > SAMPLES) this.#samples.shift();
  }
}

/** A report as a point of the chart. */
export function sampleOf({ checkedAt, backlog, forecast, rate, capacity, expectedWaitSeconds }: StatusReport): Sample {
  const caps = capacity?.models.filter(({ holders }) => holders.length > 0).map(({ cap }) => cap) ?? [];
  return {
    at: checkedAt,
    backlog: backlog?.reduce((sum, { lane, records }) => sum + (lane === null ? 0 : records), 0) ?? null,
    arriving: forecast?.arrivingPerSecond ?? null,
    detected: rate?.imagesPerSecond ?? null,
    cap: caps.length === 0 || caps.includes(null) ? null : caps.reduce<number>((sum, cap) => sum + (cap ?? 0), 0),
    waitSeconds: expectedWaitSeconds,
  };
}
