import { clock, number } from './plan.js';
import { meansOf } from './series.js';
import { sparkline } from './textChart.js';

/** Counts of images since the surge began. */
export interface LiveSample {
  /** Of a clock that never goes back. */
  atMs: number;
  /** Acknowledged by intake. */
  arrived: number;
  detected: number;
}

const SPARK = 8;
/** Rates are those of the last seconds. */
const RATE_SAMPLES = 5;

/** What is known while the surge runs, a sample a second; the account at the end reads the tables instead. */
export class LiveSurge {
  readonly #cap: number;
  readonly #samples: LiveSample[] = [];

  constructor(cap: number) {
    this.#cap = cap;
  }

  add(sample: LiveSample): void {
    this.#samples.push(sample);
  }

  get backlog(): number {
    const last = this.#samples.at(-1);
    return last === undefined ? 0 : Math.max(0, last.arrived - last.detected);
  }

  /** Like `0:12  in 200/s ▇▇▇  out 20/s ▆▆▆  backlog 2160 ▁▃▇  wait 0:11`. */
  line(): string {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined) return 'the surge begins';
    const rates = this.#samples.map((sample, index) =>
      rateBetween(this.#samples[index - RATE_SAMPLES] ?? first, sample),
    );
    const now = rates.at(-1) ?? { arrivals: 0, detections: 0 };
    const spark = (values: number[], max?: number): string => sparkline(meansOf(values, SPARK), max);
    return [
      clock((last.atMs - first.atMs) / 1000),
      `in ${Math.round(now.arrivals)}/s ${spark(rates.map(({ arrivals }) => arrivals))}`,
      `out ${number(now.detections)}/s ${spark(
        rates.map(({ detections }) => detections),
        this.#cap * 1.2,
      )}`,
      `backlog ${this.backlog} ${spark(this.#samples.map(({ arrived, detected }) => arrived - detected))}`,
      `wait ${clock(this.#waitMs(last) / 1000)}`,
    ].join('  ');
  }

  /** Age of the image that is detected now: as old as the sample at which so many had arrived. */
  #waitMs({ atMs, detected }: LiveSample): number {
    const arrival = this.#samples.find(({ arrived }) => arrived > detected);
    return arrival === undefined ? 0 : atMs - arrival.atMs;
  }
}

function rateBetween(before: LiveSample, after: LiveSample): { arrivals: number; detections: number } {
  const seconds = (after.atMs - before.atMs) / 1000;
  if (seconds === 0) return { arrivals: 0, detections: 0 };
  return {
    arrivals: (after.arrived - before.arrived) / seconds,
    detections: (after.detected - before.detected) / seconds,
  };
}
