/** Detectors that may be lost in a row under the same images before these run alone. */
export const MAY_BE_LOST = 3;

/**
 * Detectors that were lost under a batch. An image that kills them was under each, and no detector has come back from
 * it: where no image is left that this is true of, the losses had causes of their own, and the count begins again.
 */
export class Losses {
  /** All of them, as an older release counted. */
  #all: number;
  #inARow: number;
  /** Images that were under all in a row. */
  #under: Set<number>;

  /** `images`: those that are pending, where some were lost in runs before. */
  constructor(lost: number, images: Iterable<number>) {
    this.#all = lost;
    this.#inARow = lost;
    this.#under = new Set(images);
  }

  get all(): number {
    return this.#all;
  }

  inARow(pending: ReadonlyMap<number, unknown>): number {
    const isLeft = [...this.#under].some((image) => pending.has(image));
    return isLeft ? this.#inARow : 0;
  }

  /** `detectors` were lost under images that none of them had come back from. */
  add(images: readonly number[], pending: ReadonlyMap<number, unknown>, detectors: number): void {
    const again = images.filter((image) => this.#under.has(image));
    const before = again.length > 0 ? this.inARow(pending) : 0;
    this.#under = new Set(before > 0 ? again : images);
    this.#inARow = Math.min(before + detectors, MAY_BE_LOST);
    this.#all = Math.min(this.#all + detectors, MAY_BE_LOST);
  }

  /** A detector has tried the image and lives. */
  survived(image: number): void {
    this.#under.delete(image);
  }
}
