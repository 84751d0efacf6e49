/** Where progress is shown. */
export interface ProgressOut {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

const TTY_EVERY_MS = 250;
const PLAIN_EVERY_MS = 2_000;

/**
 * Shows where a run stands until `stop`: one line that is rewritten on a terminal, elsewhere a line every
 * `plainEveryMs` (default 2 s).
 */
export function showProgress({ out, line, plainEveryMs = PLAIN_EVERY_MS }: ProgressOptions): { stop: () => void } {
  const tty = out.isTTY === true;
  let last = '';
  const show = (): void => {
    const now = line();
    if (now === last) return;
    last = now;
    out.write(tty ? `\r\x1b[2K${now.slice(0, (out.columns ?? 80) - 1)}` : `${now}\n`);
  };
  const timer = setInterval(show, tty ? TTY_EVERY_MS : plainEveryMs);
  return {
    stop: () => {
      clearInterval(timer);
      show();
      if (tty) out.write('\n');
    },
  };
}

export interface ProgressOptions {
  out: ProgressOut;
  line: () => string;
  plainEveryMs?: number;
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
