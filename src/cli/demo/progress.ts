/** Where a run stands; all counts of images. */
export interface Snapshot {
  total: number;
  uploaded: number;
  /** Events acknowledged, so that the image waits or is further. */
  accepted: number;
  /** The detector is done with it. */
  detected: number;
  /** It has its row. */
  stored: number;
  /** Rows a second, over the last seconds. */
  imagesPerSecond: number;
}

export interface ProgressOptions {
  out: { isTTY?: boolean; columns?: number; write(text: string): unknown };
  snapshot: () => Snapshot;
}

const TTY_EVERY_MS = 250;
const PLAIN_EVERY_MS = 2_000;

/** Shows where a run stands until `stop`: one line that is rewritten on a terminal, a line now and then elsewhere. */
export function showProgress({ out, snapshot }: ProgressOptions): { stop: () => void } {
  const tty = out.isTTY === true;
  let last = '';
  const show = (): void => {
    const line = progressLine(snapshot());
    if (line === last) return;
    last = line;
    out.write(tty ? `\r\x1b[2K${line.slice(0, (out.columns ?? 80) - 1)}` : `${line}\n`);
  };
  const timer = setInterval(show, tty ? TTY_EVERY_MS : PLAIN_EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      show();
      if (tty) out.write('\n');
    },
  };
}

export function progressLine({ total, uploaded, accepted, detected, stored, imagesPerSecond }: Snapshot): string {
  const waiting = Math.max(0, accepted - Math.max(detected, stored));
  return [
    `uploaded ${uploaded}/${total}`,
    `waiting ${waiting}`,
    `detected ${detected}`,
    `stored ${stored}`,
    `${imagesPerSecond.toFixed(1)} images/s`,
  ].join(' · ');
}

const WINDOW_MS = 5_000;

/** Rate of a count that grows, over the last five seconds. */
export class RecentRate {
  readonly #samples: { atMs: number; count: number }[] = [];

  /** @param atMs of a clock that never goes back */
  add(atMs: number, count: number): void {
    this.#samples.push({ atMs, count });
    // The one just outside of the window stays: the rate is taken from it.
    while ((this.#samples[1]?.atMs ?? Infinity) <= atMs - WINDOW_MS) this.#samples.shift();
  }

  perSecond(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.atMs === first.atMs) return 0;
    return ((last.count - first.count) * 1000) / (last.atMs - first.atMs);
  }
}
