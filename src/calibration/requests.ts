import type { ImageRef } from '../domain/index.js';
import type { Engine, ImageOutcome } from '../inference/index.js';
import { CalibrationError } from './errors.js';
import type { LoadWindows } from './loadWindows.js';

/** Images of one request to the engine. A batch in production has at most PENSTOCK_BATCH_MAX_IMAGES. */
export const REQUEST_IMAGES = 64;
/** Images that may fail at one point: a download does now and then. */
const MOST_FAILED = 20;
const SILENCE_MS = 120_000;
const WATCH_EVERY_MS = 1_000;

/** A constant number of requests to an engine: the next begins when one has ended. */
export class Requests {
  readonly #open = new Set<AbortController>();
  #next = 0;
  #failed = 0;
  #heardAtMs = performance.now();
  #isClosing = false;
  #isOver = false;
  #settle: (error: CalibrationError | undefined) => void = () => undefined;

  constructor(
    private readonly engine: Pick<Engine, 'detect'>,
    private readonly images: readonly ImageRef[],
    private readonly windows: LoadWindows,
  ) {}

  /**
   * Holds `slots` of them until the windows are stable or over. Throws CalibrationError when images fail or none is done
   * for two minutes, or with what `unfitFor` says is wrong with the engine.
   */
  async until(slots: number, unfitFor: () => string | undefined): Promise<void> {
    let watch: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#settle = (error) => (error ? reject(error) : resolve());
        watch = setInterval(() => {
          const silent = performance.now() - this.#heardAtMs > SILENCE_MS;
          const why = unfitFor() ?? (silent ? `no image was done for ${SILENCE_MS / 1000} s` : undefined);
          if (why !== undefined) reject(new CalibrationError(`the engine: ${why}`));
        }, WATCH_EVERY_MS);
        for (let slot = 0; slot < slots; slot += 1) this.#request();
      });
    } finally {
      clearInterval(watch);
    }
  }

  /** Takes back what the engine has not begun. */
  stop(): void {
    this.#isOver = true;
    for (const controller of this.#open) controller.abort();
  }

  #request(): void {
    if (this.#isOver) return;
    const refs = Array.from({ length: REQUEST_IMAGES }, () => this.images[this.#next++ % this.images.length]).filter(
      (image) => image !== undefined,
    );
    const controller = new AbortController();
    this.#open.add(controller);
    const beganAtMs = performance.now();
    const done = this.engine.detect({
      images: refs,
      express: false,
      signal: controller.signal,
      onOutcomes: (settled) => settled.forEach(({ outcome }) => this.#count(outcome, beganAtMs)),
    });
    void done.then(() => {
      if (controller.signal.aborted) return;
      this.windows.request(performance.now() - beganAtMs);
      this.#open.delete(controller);
      // As the next batch of a queue comes: not within the turn that ended this one.
      setImmediate(() => this.#request());
    });
  }

  #count(outcome: ImageOutcome, beganAtMs: number): void {
    const nowMs = performance.now();
    this.#heardAtMs = nowMs;
    if (outcome.kind !== 'detected') {
      this.#failed += 1;
      if (this.#failed > MOST_FAILED)
        this.#settle(new CalibrationError(`images fail: ${outcome.reason}: ${outcome.detail}`));
      return;
    }
    if (!this.windows.image(nowMs - beganAtMs, nowMs) || this.#isClosing) return;
    this.#isClosing = true;
    // The images of a model run come one after the other: the window ends after the last of them.
    setImmediate(() => {
      this.#isClosing = false;
      this.windows.close(performance.now());
      if (this.windows.state !== 'moving') this.#settle(undefined);
    });
  }
}
