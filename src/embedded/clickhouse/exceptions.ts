/** An error as ClickHouse reports it: code, name, message, and the HTTP status that ClickHouse answers with. */
export class ClickHouseException extends Error {
  override name = 'ClickHouseException';
  readonly code: number;

  /** `text` is the whole message, `Code: 62. DB::Exception: … (SYNTAX_ERROR)`. */
  constructor(code: number, text: string) {
    super(text);
    this.code = code;
  }

  get status(): number {
    return STATUS_OF_CODE.get(this.code) ?? 500;
  }
}

/** An exception of the HTTP layer itself, in the words of ClickHouse. */
export function exception(code: number, name: string, message: string): ClickHouseException {
  return new ClickHouseException(code, `Code: ${code}. DB::Exception: ${message}. (${name})`);
}

/** What the engine threw, as an exception; what has no code is 1002 UNKNOWN_EXCEPTION, as in ClickHouse. */
export function toException(error: unknown): ClickHouseException {
  if (error instanceof ClickHouseException) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = /^Code: (\d+)\./.exec(message)?.[1];
  if (code === undefined) return exception(1002, 'UNKNOWN_EXCEPTION', message);
  // chdb wraps some messages in themselves; ClickHouse does not.
  const wrapped =
    /^Code: \d+\. DB::Exception: (Code: \d+\. DB::Exception: .*\([A-Z_0-9]+\)) \(version [^)]*\)\. \([A-Z_0-9]+\)$/s;
  const text = wrapped.exec(message)?.[1] ?? message;
  // Inserts come from a file here; ClickHouse would not name one.
  const unfiled = text.replace(/\s*: \(in file\/uri [^\n]*?\)(?=:|\.|$)/s, '').replace(/: While executing File/, '');
  return new ClickHouseException(Number(code), unfiled);
}

/** As in ClickHouse's exceptionCodeToHTTPStatus.cpp; every other code is 500. */
const STATUS_OF_CODE = new Map<number, number>(
  Object.entries({
    // SYNTAX_ERROR, BAD_ARGUMENTS, CANNOT_PARSE_*, TYPE_MISMATCH, INCORRECT_DATA, THERE_IS_NO_COLUMN and their kin
    400: [6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376, 427, 441, 675, 676],
    // REQUIRED_PASSWORD
    401: [194],
    // UNKNOWN_USER, WRONG_PASSWORD, ACCESS_DENIED, SET_NON_GRANTED_ROLE, AUTHENTICATION_FAILED
    403: [192, 193, 497, 512, 516],
    // UNKNOWN_FUNCTION, _IDENTIFIER, _TYPE, _STORAGE, _TABLE, _AGGREGATE_FUNCTION, _FORMAT, _DATABASE, _SETTING, …
    404: [46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511],
    // TIMEOUT_EXCEEDED
    408: [159],
    // HTTP_LENGTH_REQUIRED
    411: [381],
    // QUERY_IS_TOO_LARGE
    413: [229],
    // UNSUPPORTED_MEDIA_TYPE
    415: [779],
    // NOT_IMPLEMENTED
    501: [48],
    // CANNOT_OPEN_FILE, SOCKET_TIMEOUT, CANNOT_SCHEDULE_TASK
    503: [76, 209, 439],
  }).flatMap(([status, codes]) => codes.map((code): [number, number] => [code, Number(status)])),
);
