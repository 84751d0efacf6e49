/**
 * The one table of reason codes. docs/reasons.md is generated from it; workflows, detector, sink and CLI read it.
 * Plain data without imports, because workflows are bundled with it.
 */
export interface Reason {
  /** `terminal`: trying again can't help. `passing`: tried again with backoff until the attempts are used up. */
  kind: 'terminal' | 'passing';
  /** May an operator have the image tried again once it is dead? */
  operatorMayRetry: boolean;
  /** Does a dead image of this reason end its batch as Failed, so that an operator sees it? */
  failsBatch: boolean;
  /**
   * Is the system at fault, and not the picture? Where most images of a source fail for such a reason, its circuit
   * breaker opens and they wait instead of dying.
   */
  systemic: boolean;
  /** What it means and what to do, for a person. */
  meaning: string;
}

const terminal = (meaning: string): Reason => ({
  kind: 'terminal',
  operatorMayRetry: false,
  failsBatch: false,
  systemic: false,
  meaning,
});
const passing = (meaning: string): Reason => ({
  kind: 'passing',
  operatorMayRetry: true,
  failsBatch: true,
  systemic: false,
  meaning,
});
const systemic = (meaning: string): Reason => ({ ...passing(meaning), systemic: true });

/** Reasons for which one image is dead or has to be tried again. */
export const IMAGE_REASONS = {
  GONE: terminal('The object, or the generation that the event named, no longer exists in the bucket.'),
  NOT_AN_IMAGE: terminal('The bytes are not a picture in a known format: empty, text, or damaged from the start.'),
  CORRUPT_IMAGE: terminal('The picture has a known format but can not be decoded to its end.'),
  UNSUPPORTED_FORMAT: terminal('The picture has a format that the detector does not decode.'),
  TOO_LARGE: terminal('The object has more bytes than PENSTOCK_IMAGE_MAX_BYTES.'),
  TOO_MANY_PIXELS: terminal('The picture has more pixels than PENSTOCK_IMAGE_MAX_PIXELS.'),
  OUT_OF_RETENTION: terminal('The object is older than the retention of its table: its row would be deleted at once.'),
  EXPIRED: terminal('The deadline of the image was past before its inference began: its result would come too late.'),
  POISON: {
    kind: 'terminal',
    operatorMayRetry: true,
    failsBatch: true,
    systemic: false,
    meaning:
      'The picture killed its child process twice, the second time alone. Retry after an upgrade of decoder or model.',
  },
  FORBIDDEN: systemic(
    'The bucket answered 401 or 403: the detector may not read the object. Give it access, then retry.',
  ),
  DOWNLOAD_FAILED: systemic('The bucket answered with an error or not at all. Retry once it answers.'),
  DOWNLOAD_TIMEOUT: systemic(
    'The download took longer than PENSTOCK_IMAGE_TIMEOUT_MS. Retry once the bucket is fast again.',
  ),
  DECODE_TIMEOUT: passing('Decoding took longer than PENSTOCK_IMAGE_TIMEOUT_MS.'),
  MODEL_FAILED: systemic('The model run itself failed. Look into the log of the detector, then retry.'),
  WORKER_LOST: systemic('The detector died or stalled under the batch. Look at its log and memory, then retry.'),
} as const satisfies Record<string, Reason>;

export type ImageReason = keyof typeof IMAGE_REASONS;

/** Reasons for which an event or a row goes to dead letters; the record is kept as it came (bounded). */
export const DEAD_LETTER_REASONS = {
  UNPARSABLE: terminal('The body is not what its content type says, or no CloudEvent, or no Pub/Sub push.'),
  INVALID_EVENT: terminal('The event lacks a field or has one of the wrong type; the detail names it.'),
  INVALID_RECORD: terminal('A Kafka record does not fit the schema of its topic; the detail names the field.'),
  ROW_REFUSED: passing('ClickHouse refused this row for its data; the detail is the message of the server.'),
  OUT_OF_RETENTION: terminal('The object is older than the retention of the tables.'),
} as const satisfies Record<string, Reason>;

export type DeadLetterReason = keyof typeof DEAD_LETTER_REASONS;

export function isImageReason(code: string): code is ImageReason {
  return Object.hasOwn(IMAGE_REASONS, code);
}

/** Is an image that is dead for it dead for good, whatever an operator does? */
export function isFinalReason(code: string): code is ImageReason {
  return isImageReason(code) && !IMAGE_REASONS[code].operatorMayRetry;
}
