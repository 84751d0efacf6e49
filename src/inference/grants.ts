/** Tokens of the pacer that a child has not used yet. Under a cap they come one by one, and a model run takes many. */
export class Grants {
  /** Oldest first. */
  readonly #grants: { count: number; atMs: number }[] = [];

  /** `atMs`: when they were granted, milliseconds since the epoch. */
  add(count: number, atMs: number): void {
    this.#grants.push({ count, atMs });
  }

  /** Takes up to `most` tokens, oldest first, each as the time when it was granted. */
  take(most: number): number[] {
    const taken: number[] = [];
    for (let grant = this.#grants[0]; grant !== undefined && taken.length < most; grant = this.#grants[0]) {
      const count = Math.min(grant.count, most - taken.length);
      for (let token = 0; token < count; token += 1) taken.push(grant.atMs);
      grant.count -= count;
      if (grant.count === 0) this.#grants.shift();
    }
    return taken;
  }
}
