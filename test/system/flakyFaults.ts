import type { ServerResponse } from 'node:http';

/** What an API does instead of answering a request for a page. */
export type Fault =
  /** Answers with a status; with Retry-After if given. The body holds what the API was asked with, as careless ones do. */
  | { kind: 'status'; status: number; retryAfterSeconds?: number }
  /** Half of what its content-length says, then the connection is gone. */
  | { kind: 'cut' }
  /** Half of the page, with the length of that half: only what it holds says that it is not whole. */
  | { kind: 'half' }
  /** Half of the page, then nothing until the client goes. */
  | { kind: 'hang' }
  /** The connection is gone before a byte of the answer. */
  | { kind: 'reset' }
  /** The page, late. */
  | { kind: 'slow'; ms: number };

/** Faults of the first requests for each page, by its number from 1; what comes after them is answered. */
export type FaultPlan = Readonly<Record<number, readonly Fault[]>>;

/** Faults that a client gets over within a second or two. */
export const PASSING_FAULTS: readonly Fault[] = [
  { kind: 'status', status: 429, retryAfterSeconds: 1 },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503, retryAfterSeconds: 1 },
  { kind: 'cut' },
  { kind: 'half' },
  { kind: 'reset' },
  { kind: 'slow', ms: 200 },
];

/**
 * A plan that is the same for the same seed.
 *
 * @param share of the pages that have faults, from 0 to 1; default 0.3
 * @param most faults of one page, one after the other; default 2
 * @param kinds default: PASSING_FAULTS
 */
export function seededFaults(options: {
  seed: number;
  pages: number;
  share?: number;
  most?: number;
  kinds?: readonly Fault[];
}): FaultPlan {
  const { pages, share = 0.3, most = 2, kinds = PASSING_FAULTS } = options;
  const random = randomOf(options.seed);
  const plan: Record<number, Fault[]> = {};
  for (let page = 1; page <= pages; page += 1) {
    if (random() >= share) continue;
    const count = 1 + Math.floor(random() * most);
    plan[page] = Array.from({ length: count }, () => kinds[Math.floor(random() * kinds.length)]).filter(
      (fault) => fault !== undefined,
    );
  }
  return plan;
}

/** An answer of the API, before anything goes wrong with it. */
export interface WholeAnswer {
  headers: Record<string, string>;
  body: Buffer;
}

/** Sends an answer, or does what the fault says. `echo` is what a careless API repeats in its errors. */
export function sendWith(fault: Fault | undefined, response: ServerResponse, answer: WholeAnswer, echo: string): void {
  const { headers, body } = answer;
  const half = body.subarray(0, body.length >> 1);
  const whole = (): void => void response.writeHead(200, { ...headers, 'content-length': body.length }).end(body);
  switch (fault?.kind) {
    case undefined:
      whole();
      return;
    case 'status': {
      const after = fault.retryAfterSeconds;
      response.writeHead(fault.status, after === undefined ? {} : { 'retry-after': String(after) });
      response.end(JSON.stringify({ error: `status ${fault.status}`, request: echo }));
      return;
    }
    case 'cut':
      response.writeHead(200, { ...headers, 'content-length': body.length });
      response.write(half, () => setTimeout(() => response.destroy(), 10));
      return;
    case 'half':
      response.writeHead(200, { ...headers, 'content-length': half.length }).end(half);
      return;
    case 'hang':
      response.writeHead(200, { ...headers, 'content-length': body.length }).write(half);
      return;
    case 'reset':
      response.destroy();
      return;
    case 'slow':
      setTimeout(whole, fault.ms);
  }
}

/** Mulberry32: numbers from 0 to below 1. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
