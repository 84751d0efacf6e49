/**
 * `refused`: this program will not ask that, or may not. `unreachable`: no whole answer came. `answer`: one came that
 * holds no page. `loop`: pages come again. `limit`: more, or larger, than is allowed.
 */
export type HttpSourceErrorKind = 'refused' | 'answer' | 'loop' | 'unreachable' | 'limit';

export interface HttpSourceErrorOptions {
  /** Default: false. */
  retryable?: boolean;
  retryAfterMs?: number | undefined;
}

/** Why pages of an API can't be had. The message says what and where, and never holds a secret. */
export class HttpSourceError extends Error {
  override name = 'HttpSourceError';
  /** The same request may succeed later, without a change by anyone. */
  readonly retryable: boolean;
  /** The API asked to be left alone for so long; milliseconds. */
  readonly retryAfterMs: number | undefined;

  /** Without a `cause`: clients put whole requests into theirs. */
  constructor(
    readonly kind: HttpSourceErrorKind,
    message: string,
    options: HttpSourceErrorOptions = {},
  ) {
    super(message);
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}
