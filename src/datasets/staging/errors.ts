/**
 * A piece that can't be staged at all: an expression that is none, a file that is not what the piece says it is, DuckDB
 * out of memory. The message is a whole sentence and holds no secret.
 */
export class StagingError extends Error {
  override name = 'StagingError';
}
