import { ClickHouseError } from '@clickhouse/client';

/**
 * Why ClickHouse did not do what it was asked:
 * - `data`: a value in the rows of an insert is wrong; the same rows fail again.
 * - `unavailable`: no answer, too slow or overloaded. Of an insert the outcome is unknown; the key makes it harmless to
 *   send it again.
 * - `refused`: understood and refused (schema, rights, syntax); the same statement fails until someone changes that.
 */
export type WarehouseErrorKind = 'data' | 'unavailable' | 'refused';

export class WarehouseError extends Error {
  override name = 'WarehouseError';
  readonly kind: WarehouseErrorKind;
  /** ClickHouse's error code; undefined when there was no answer. */
  readonly code: number | undefined;

  constructor(kind: WarehouseErrorKind, code: number | undefined, message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
    this.code = code;
  }

  /** True when the same call may succeed later by itself. */
  get retryable(): boolean {
    return this.kind === 'unavailable';
  }
}

/** Anything that the client threw, classified by ClickHouse's error code; what has no code is `unavailable`. */
export function toWarehouseError(error: unknown): WarehouseError {
  if (error instanceof WarehouseError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof ClickHouseError)) return new WarehouseError('unavailable', undefined, message, error);
  const code = Number(error.code);
  const kind = isOfData(code, message) ? 'data' : PASSING_CODES.has(code) ? 'unavailable' : 'refused';
  return new WarehouseError(
    kind,
    code,
    `Code: ${error.code}. ${message}${error.type ? ` (${error.type})` : ''}`,
    error,
  );
}

/** A block of too many partitions has the code of a table with too many parts; half of it may do. */
function isOfData(code: number, message: string): boolean {
  return DATA_CODES.has(code) || (code === 252 && message.includes('Too many partitions for single INSERT block'));
}

/** Codes that only a value in the rows can cause. */
const DATA_CODES: ReadonlySet<number> = new Set([
  6, // CANNOT_PARSE_TEXT
  25, // CANNOT_PARSE_ESCAPE_SEQUENCE
  26, // CANNOT_PARSE_QUOTED_STRING
  27, // CANNOT_PARSE_INPUT_ASSERTION_FAILED
  38, // CANNOT_PARSE_DATE
  41, // CANNOT_PARSE_DATETIME
  53, // TYPE_MISMATCH
  69, // ARGUMENT_OUT_OF_BOUND
  72, // CANNOT_PARSE_NUMBER
  117, // INCORRECT_DATA
  128, // TOO_LARGE_ARRAY_SIZE
  130, // CANNOT_READ_ARRAY_FROM_TEXT
  131, // TOO_LARGE_STRING_SIZE
  153, // ILLEGAL_DIVISION, by a default or a materialized column
  190, // SIZES_OF_ARRAYS_DONT_MATCH
  321, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
  349, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
  376, // CANNOT_PARSE_UUID
  395, // FUNCTION_THROW_IF_VALUE_IS_NON_ZERO: by the checks of an insert, a default or a materialized column
  407, // DECIMAL_OVERFLOW
  467, // CANNOT_PARSE_BOOL
  469, // VIOLATED_CONSTRAINT
  636, // CANNOT_EXTRACT_TABLE_STRUCTURE
  675, // CANNOT_PARSE_IPV4
  676, // CANNOT_PARSE_IPV6
  691, // UNKNOWN_ELEMENT_OF_ENUM
]);

/** Codes of a server that is overloaded, in trouble or going away. */
const PASSING_CODES: ReadonlySet<number> = new Set([
  74, // CANNOT_READ_FROM_FILE_DESCRIPTOR
  75, // CANNOT_WRITE_TO_FILE_DESCRIPTOR
  76, // CANNOT_OPEN_FILE
  159, // TIMEOUT_EXCEEDED
  160, // TOO_SLOW
  173, // CANNOT_ALLOCATE_MEMORY
  201, // QUOTA_EXCEEDED
  202, // TOO_MANY_SIMULTANEOUS_QUERIES
  203, // NO_FREE_CONNECTION
  209, // SOCKET_TIMEOUT
  210, // NETWORK_ERROR
  236, // ABORTED
  241, // MEMORY_LIMIT_EXCEEDED
  242, // TABLE_IS_READ_ONLY
  243, // NOT_ENOUGH_SPACE
  252, // TOO_MANY_PARTS
  279, // ALL_CONNECTION_TRIES_FAILED
  285, // TOO_FEW_LIVE_REPLICAS
  286, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
  319, // UNKNOWN_STATUS_OF_INSERT
  394, // QUERY_WAS_CANCELLED
  425, // SYSTEM_ERROR
  439, // CANNOT_SCHEDULE_TASK
  499, // S3_ERROR
  999, // KEEPER_EXCEPTION
  1000, // POCO_EXCEPTION
  1001, // STD_EXCEPTION
  1002, // UNKNOWN_EXCEPTION
]);
