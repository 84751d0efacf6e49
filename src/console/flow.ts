import type { StatusReport } from '../operations/index.js';
import type { Sample } from './answers.js';

/** Samples that are kept: four hours of them. */
const SAMPLES = 960;
const SAMPLE_MS = 15_000;
/** Those who ask within so long of each other share one look. */
const FRESH_MS = 2_000;

export interface FlowWatchOptions {
  look: () => Promise<StatusReport>;
  onError: (error: unknown) => void;
  /** Default 15,000. */
  everyMs?: number;
}

/**
 * Looks at the stack every quarter of a minute for the chart, and when somebody asks. One look at a time, whoever asks.
 * What is older than four hours is Grafana's.
 */
export class FlowWatch {
  readonly #options: FlowWatchOptions;
  readonly #samples: Sample[] = [];
  readonly #timer: NodeJS.Timeout;
  #latest: { status: StatusReport; atMs: number } | undefined;
  #looking: Promise<StatusReport> | undefined;

  constructor(options: FlowWatchOptions) {
    this.#options = options;
    const sample = (): void => {
      this.#look()
        .then((status) => {
          if (this.#samples.push(sampleOf(status)) > SAMPLES) this.#samples.shift();
        })
        .catch(options.onError);
    };
    sample();
    this.#timer = setInterval(sample, options.everyMs ?? SAMPLE_MS);
  }

  /** The state of now, or of two seconds ago. */
  async status(): Promise<StatusReport> {
    const { atMs = -Infinity, status } = this.#latest ?? {};
    return status !== undefined && performance.now() - atMs < FRESH_MS ? status : this.#look();
  }

  /** The oldest first. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): Promise<StatusReport> {
    this.#looking ??= this.#options
      .look()
      .then((status) => {
        this.#latest = { status, atMs: performance.now() };
        return status;
      })
      .finally(() => (this.#looking = undefined));
    return this.#looking;
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
