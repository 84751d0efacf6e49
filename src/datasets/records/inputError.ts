/** An input that can't be read as its format says, or not to its end. What it still holds can't be known: the run fails. */
export class InputError extends Error {
  override name = 'InputError';

  /** The message is a sentence for a person; that of the error begins with the source. */
  constructor(
    readonly source: string,
    readonly sentence: string,
    options?: ErrorOptions,
  ) {
    super(`${source}: ${sentence}`, options);
  }
}
