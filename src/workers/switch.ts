import type { RunningWorker } from './factory.js';

/**
 * Runs a worker while it is wanted: the SDK's workers can't pause, so one that is not to poll is stopped, and another
 * started later. One change after the other, the last wish wins.
 */
export class WorkerSwitch {
  readonly #start: () => Promise<RunningWorker>;
  readonly #onError: (error: unknown) => void;
  #wanted = false;
  #isClosed = false;
  #running: RunningWorker | undefined;
  #isChanging = false;
  #changing: Promise<void> | undefined;

  constructor(start: () => Promise<RunningWorker>, onError: (error: unknown) => void) {
    this.#start = start;
    this.#onError = onError;
  }

  set(wanted: boolean): void {
    this.#wanted = wanted && !this.#isClosed;
    if (this.#isChanging) return;
    this.#isChanging = true;
    this.#changing = this.#change();
  }

  /** Stops it for good, whatever is wished later; resolves when it has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.set(false);
    await this.#changing;
  }

  async #change(): Promise<void> {
    try {
      while (this.#wanted !== (this.#running !== undefined)) {
        if (this.#wanted) this.#running = await this.#start();
        else {
          await this.#running?.stop();
          this.#running = undefined;
        }
      }
    } catch (error) {
      this.#onError(error);
    } finally {
      // At once: a wish that comes before anybody who waits has gone on must begin another change.
      this.#isChanging = false;
    }
  }
}
