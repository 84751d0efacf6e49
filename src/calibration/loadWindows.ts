import type { Point } from './capacityFile.js';
import type { Hold } from './partProcesses.js';
import { isStable, latencyOf, rateOf } from './windows.js';

/** Bound on a window of a slow model: times the length that was asked for. */
const LONGEST_WINDOWS = 4;

/** Counts what an engine does, window by window, and says when it was held for long enough. Time is given to it. */
export class LoadWindows {
  readonly #hold: Hold & { least: number };
  readonly #rates: number[] = [];
  #imageMs: number[] = [];
  #requestMs: number[] = [];
  #warmUp: number;
  #images = 0;
  #beganAtMs: number | undefined;

  /** `least`: images of a window at least, unless it takes four times as long as was asked for. */
  constructor(hold: Hold & { least: number }) {
    this.#hold = hold;
    this.#warmUp = hold.warmUp;
  }

  /** An image was detected, so long after its request. True: the window is full, end it with the turn. */
  image(latencyMs: number, nowMs: number): boolean {
    this.#beganAtMs ??= nowMs;
    this.#images += 1;
    this.#imageMs.push(latencyMs);
    const { windowMs, least } = this.#hold;
    const ms = nowMs - this.#beganAtMs;
    return ms >= windowMs && (this.#images >= least || ms >= LONGEST_WINDOWS * windowMs);
  }

  /** A request has all its outcomes. */
  request(latencyMs: number): void {
    this.#requestMs.push(latencyMs);
  }

  /** Ends the window; the first ones warm up, and count for nothing. */
  close(nowMs: number): void {
    const seconds = (nowMs - (this.#beganAtMs ?? nowMs)) / 1000;
    if (this.#warmUp === 0) this.#rates.push(seconds > 0 ? this.#images / seconds : 0);
    else {
      this.#warmUp -= 1;
      this.#imageMs = [];
      this.#requestMs = [];
    }
    this.#images = 0;
    this.#beganAtMs = nowMs;
  }

  /** `moving`: hold on. `stable`, or `over` when it was held for the longest time. */
  get state(): 'moving' | 'stable' | 'over' {
    if (isStable(this.#rates)) return 'stable';
    return this.#rates.length >= this.#hold.most ? 'over' : 'moving';
  }

  measured(): Pick<Point, 'imagesPerSecond' | 'imageLatencyMs' | 'requestLatencyMs' | 'isStable'> {
    return {
      imagesPerSecond: rateOf(this.#rates),
      imageLatencyMs: latencyOf(this.#imageMs),
      requestLatencyMs: this.#requestMs.length === 0 ? null : latencyOf(this.#requestMs),
      isStable: this.state === 'stable',
    };
  }
}
