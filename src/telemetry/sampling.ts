/** Lines of one message a second; further ones are counted. */
const LINES_PER_SECOND = 50;
/** Messages that are counted at once: more begin anew. */
const MOST_MESSAGES = 1_000;

/**
 * Lets so many lines of one message through in a second, and says with the first of the next how many were left out
 * (`suppressed`): what is repeated for each image or request must not bury what is not.
 */
export class LineSampler {
  #second = 0;
  #lines = new Map<string, number>();
  #suppressed = new Map<string, number>();

  constructor(private readonly now: () => number = Date.now) {}

  /** Undefined: leave the line out. Else how many of its kind were left out before it. */
  admit(message: string): number | undefined {
    const second = Math.floor(this.now() / 1000);
    if (second !== this.#second || this.#lines.size > MOST_MESSAGES) {
      this.#second = second;
      this.#lines.clear();
    }
    if (this.#suppressed.size > MOST_MESSAGES) this.#suppressed.clear();
    const lines = (this.#lines.get(message) ?? 0) + 1;
    this.#lines.set(message, lines);
    if (lines > LINES_PER_SECOND) {
      this.#suppressed.set(message, (this.#suppressed.get(message) ?? 0) + 1);
      return undefined;
    }
    const suppressed = this.#suppressed.get(message) ?? 0;
    this.#suppressed.delete(message);
    return suppressed;
  }
}
