/**
 * Something the person who started the stack can put right: a missing program, a port in use, a data directory that
 * another stack holds. The message is a whole sentence, and is shown without a stack trace.
 */
export class StackError extends Error {
  override name = 'StackError';
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Code of a Node system error (`ENOENT`, `EEXIST`, …). */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
