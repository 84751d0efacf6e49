import type { ImageOutcome, Report } from './protocol.js';

/** Tells the parent process something, while it is there. */
export function report(message: Report): void {
  if (process.connected) process.send?.(message);
}

/** What becomes of images, told in one message for all that happens in a turn of the event loop. */
export class Outbox {
  #outcomes: { id: number; outcome: ImageOutcome }[] = [];
  #ran = { runs: [] as number[], free: 0, busyMs: 0 };
  #isDue = false;

  settle(id: number, outcome: ImageOutcome): void {
    this.#outcomes.push({ id, outcome });
    this.#sendSoon();
  }

  /** So many images run without having been asked for; told with the next run that has ended. */
  runsFreely(images: number): void {
    this.#ran.free += images;
  }

  /** A run of so many images has ended, whose outcomes are settled in this turn. */
  ran(images: number, busyMs: number): void {
    this.#ran.runs.push(images);
    this.#ran.busyMs += busyMs;
  }

  #sendSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      // Who has seen the outcomes finds their runs counted.
      if (this.#ran.runs.length > 0) report({ kind: 'ran', ...this.#ran });
      if (this.#outcomes.length > 0) report({ kind: 'outcomes', outcomes: this.#outcomes });
      this.#outcomes = [];
      this.#ran = { runs: [], free: 0, busyMs: 0 };
    });
  }
}
