import { statfs } from 'node:fs/promises';

/** Used share (0 to 1) of the disk that a path is on, as an unprivileged writer sees it. */
export type DiskProbe = (path: string) => Promise<number>;

const FRESH_MS = 1_000;

/**
 * Tells whether the broker's disk is above the watermark; asked at most once a second. A disk that can not be seen is
 * no reason to refuse: the broker's acknowledgement is the promise, this only stops before it is broken.
 */
export class DiskWatermark {
  readonly #options;
  #askedAt = -Infinity;
  #above: Promise<boolean> = Promise.resolve(false);

  constructor(options: {
    path: string;
    /** Share above which the disk counts as full. */
    watermark: number;
    onUsed: (share: number) => void;
    onError: (error: unknown) => void;
    probe?: DiskProbe;
    /** Milliseconds of a monotonic clock. */
    now?: () => number;
  }) {
    this.#options = { probe: usedShare, now: () => performance.now(), ...options };
  }

  isAbove(): Promise<boolean> {
    const now = this.#options.now();
    if (now - this.#askedAt >= FRESH_MS) {
      this.#askedAt = now;
      this.#above = this.#ask();
    }
    return this.#above;
  }

  async #ask(): Promise<boolean> {
    try {
      const share = await this.#options.probe(this.#options.path);
      this.#options.onUsed(share);
      return share > this.#options.watermark;
    } catch (error) {
      this.#options.onError(error);
      return false;
    }
  }
}

async function usedShare(path: string): Promise<number> {
  const { blocks, bavail } = await statfs(path);
  return blocks === 0 ? 0 : 1 - bavail / blocks;
}
