/** One look at a time, whoever asks; what it gave is good for a while. */
export class Shared<T> {
  readonly #look: () => Promise<T>;
  readonly #freshMs: number;
  #latest: { value: T; atMs: number } | undefined;
  #looking: Promise<T> | undefined;

  constructor(look: () => Promise<T>, freshMs: number) {
    this.#look = look;
    this.#freshMs = freshMs;
  }

  get(): Promise<T> {
    if (this.#latest !== undefined && performance.now() - this.#latest.atMs < this.#freshMs)
      return Promise.resolve(this.#latest.value);
    if (this.#looking !== undefined) return this.#looking;
    const looking = this.#look()
      .then((value) => {
        if (this.#looking === looking) this.#latest = { value, atMs: performance.now() };
        return value;
      })
      .finally(() => {
        if (this.#looking === looking) this.#looking = undefined;
      });
    this.#looking = looking;
    return looking;
  }

  /** Who asks from now on is given nothing that was seen, or begun to be looked at, before. */
  forget(): void {
    this.#latest = undefined;
    this.#looking = undefined;
  }
}
