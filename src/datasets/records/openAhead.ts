import { Readable } from 'node:stream';
import type { RecordInput } from './input.js';

/** An input whose turn it is. */
export interface Turn {
  /** Of all inputs, from 0. */
  index: number;
  input: RecordInput;
}

export type Inputs = readonly RecordInput[] | AsyncIterable<RecordInput>;

export interface AheadOptions {
  /** Index of the first one that is given. */
  first: number;
  /** Inputs that are opened while one before them is read, default 8. */
  ahead?: number | undefined;
  signal?: AbortSignal | undefined;
}

const MOST_AHEAD = 8;
/** Of one input. What has more is closed and opened again in its turn, so that no connection stays open unread. */
const MOST_BYTES_AHEAD = 1_048_576;

/**
 * Inputs in their order. The next ones are opened, and up to 1 MiB each read, while one is in its turn: many small ones
 * do not wait for a connection one after the other.
 */
export async function* openAhead(inputs: Inputs, options: AheadOptions): AsyncGenerator<Turn, void, undefined> {
  const { first, ahead = MOST_AHEAD, signal } = options;
  const iterator = Symbol.asyncIterator in inputs ? inputs[Symbol.asyncIterator]() : inputs.values();
  const stop = new AbortController();
  const isStopped = (): boolean => stop.signal.aborted || signal?.aborted === true;
  const waiting: Promise<Turn | undefined>[] = [];
  let last: Promise<unknown> = Promise.resolve();
  let count = 0;
  const pull = (isAhead: boolean): void => {
    const index = count;
    count += 1;
    const turn = last.then(async () => {
      const next = await iterator.next();
      if (next.done === true) return undefined;
      return { index, input: isAhead ? readAhead(next.value, isStopped) : next.value };
    });
    // It is told in its turn.
    turn.catch(() => undefined);
    last = turn;
    waiting.push(turn);
  };
  try {
    for (; count < first; count += 1) if ((await iterator.next()).done === true) return;
    pull(false);
    for (;;) {
      while (waiting.length <= ahead) pull(ahead > 0);
      const turn = await waiting.shift();
      signal?.throwIfAborted();
      if (turn === undefined) return;
      yield turn;
    }
  } finally {
    stop.abort();
    await iterator.return?.();
  }
}

/** One that fails ahead is opened again in its turn, and fails there if it must. */
function readAhead(input: RecordInput, isStopped: () => boolean): RecordInput {
  const whole = readWhole(input, isStopped).catch(() => undefined);
  return {
    ...input,
    open: async (fromByte) => {
      const chunks = fromByte === 0 ? await whole : undefined;
      return chunks === undefined ? input.open(fromByte) : Readable.from(chunks);
    },
  };
}

/** All bytes of a small one; undefined for a larger one. */
async function readWhole(input: RecordInput, isStopped: () => boolean): Promise<Uint8Array[] | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of await input.open(0)) {
    length += chunk.length;
    if (length > MOST_BYTES_AHEAD || isStopped()) return undefined;
    chunks.push(chunk);
  }
  return chunks;
}
