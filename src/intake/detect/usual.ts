/** Answers that are looked at. */
const ANSWERS = 100;
/** Older ones say nothing: where the last were slow and nobody is let in any more, nothing else would ever be seen. */
const FRESH_MS = 60_000;
/** Before there are any. */
const START_MS = 1_000;

/** What an image usually takes once it is its turn: the 95th percentile of the last answers. */
export class UsualTime {
  #answers: { atMs: number; tookMs: number }[] = [];

  /** `nowMs` is of a monotonic clock. */
  saw(tookMs: number, nowMs: number): void {
    this.#answers.push({ atMs: nowMs, tookMs: Math.max(0, tookMs) });
    if (this.#answers.length > ANSWERS) this.#answers.shift();
  }

  ms(nowMs: number): number {
    const fresh = this.#answers.filter(({ atMs }) => atMs > nowMs - FRESH_MS).map(({ tookMs }) => tookMs);
    if (fresh.length === 0) return START_MS;
    return fresh.sort((a, b) => a - b)[Math.ceil(fresh.length * 0.95) - 1] ?? START_MS;
  }
}
