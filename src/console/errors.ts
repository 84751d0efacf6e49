/** What the console answers instead, with the status and a sentence for a person. */
export class ConsoleError extends Error {
  override name = 'ConsoleError';

  constructor(
    readonly status: 400 | 401 | 403 | 404 | 413 | 415 | 502 | 503,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
