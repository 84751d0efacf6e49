import { TRACE_HEADER } from './types.js';

interface Headed {
  headers?: Readonly<Record<string, string>>;
}

/** A record with the header of its trace; as it is where it has none. */
export function withTrace<R extends object>(record: R & Headed, traceparent: string | undefined): R & Headed {
  return traceparent === undefined
    ? record
    : { ...record, headers: { ...record.headers, [TRACE_HEADER]: traceparent } };
}
