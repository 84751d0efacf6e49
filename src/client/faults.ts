import { isGrpcServiceError } from '@temporalio/client';

/** gRPC status codes (https://grpc.io/docs/guides/status-codes/). */
const CANCELLED = 1;
const UNKNOWN = 2;
const DEADLINE_EXCEEDED = 4;
const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
const ABORTED = 10;
const INTERNAL = 13;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

const AWAY: readonly number[] = [CANCELLED, DEADLINE_EXCEEDED, PERMISSION_DENIED, UNAVAILABLE, UNAUTHENTICATED];
const PASSING: readonly number[] = [UNKNOWN, RESOURCE_EXHAUSTED, ABORTED, INTERNAL];

/**
 * Whose fault it is that a call of Temporal failed. `away`: it answers nobody, or not us. `passing`: that of the call,
 * and another may go well. `lasting`: that of what was asked for.
 */
export function faultOf(error: unknown): 'away' | 'passing' | 'lasting' {
  const cause = error instanceof Error && !isGrpcServiceError(error) ? error.cause : error;
  if (!isGrpcServiceError(cause)) return 'lasting';
  const code: number = cause.code;
  if (AWAY.includes(code)) return 'away';
  return PASSING.includes(code) ? 'passing' : 'lasting';
}
