import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DEAD_LETTERS_TOPIC,
  DEAD_LETTER_PAYLOAD_BYTES,
  type DeadLetter,
  type DeadLetterReason,
} from '../domain/index.js';
import { GroupCommit, type Slice, type SliceHandler, type StreamProducer } from '../stream/index.js';
import type { Logger } from '../telemetry/index.js';
import {
  cutBlocks,
  insertIsolating,
  type BlockLimits,
  type InsertOutcome,
  type RefusedRow,
  type Row,
} from './block.js';
import type { SinkMetrics } from './metrics.js';
import { readRow } from './rows.js';

export interface SinkOptions {
  /** One insert. Throws when its outcome is unknown or the server is away. */
  insert: (rows: readonly Row[]) => Promise<InsertOutcome>;
  producer: Pick<StreamProducer, 'send'>;
  limits: BlockLimits;
  metrics: SinkMetrics;
  log: Logger;
  /** Told a sentence while ClickHouse is waited for, `undefined` when it answers again. */
  onWaiting: (sentence: string | undefined) => void;
  /** Ends the repetition of inserts: the role is stopping. */
  stopping: AbortSignal;
}

const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 10_000;

/**
 * Writes slices into ClickHouse, at least once: a slice is consumed when all of its rows are stored or kept as dead
 * letters. Slices of all partitions share inserts: while one runs, the next block fills. Any unknown outcome is
 * repeated; the key of the table makes that harmless.
 */
export function createSink(options: SinkOptions): SliceHandler {
  const { limits } = options;
  const group = new GroupCommit<Row>((rows) => storeAll(options, rows), limits.maxRows);
  return async (slice) => {
    const rows: Row[] = [];
    const letters: DeadLetter[] = [];
    const front = slice.records.slice(0, limits.maxRows);
    for (const record of front) {
      const read = readRow(slice.topic, slice.partition, record);
      if (read.kind === 'row') rows.push(read.row);
      else refuse(options, slice, record.offset, record.value, read.detail, letters);
    }
    await bury(options, letters);
    await group.add(rows);
    return { consumed: front.length };
  };
}

async function storeAll(options: SinkOptions, rows: readonly Row[]): Promise<void> {
  for (const block of cutBlocks(rows, options.limits)) {
    const refused = await insertIsolating(block, (part) => insertUntilKnown(options, part));
    options.metrics.rows.inc({ table: block[0]?.target.table ?? '' }, block.length - refused.length);
    await bury(options, refused.map(refusedLetter));
    for (const { row, message } of refused)
      options.log.error({ origin: row.origin, message }, 'ClickHouse refuses a row');
  }
}

/** Repeats an insert until the server has said what became of it. */
async function insertUntilKnown(options: SinkOptions, rows: readonly Row[]): Promise<InsertOutcome> {
  const table = rows[0]?.target.table ?? '';
  for (let tries = 0; ; tries += 1) {
    options.stopping.throwIfAborted();
    const endTimer = options.metrics.insertSeconds.startTimer({ table });
    try {
      const outcome = await options.insert(rows);
      options.onWaiting(undefined);
      options.metrics.blockRows.observe({ table }, rows.length);
      if (outcome.kind === 'data') options.metrics.errors.inc({ kind: 'data' });
      return outcome;
    } catch (error) {
      options.metrics.errors.inc({ kind: 'unavailable' });
      const waitMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(tries, 10));
      options.log.warn({ err: error, table, rows: rows.length, tries: tries + 1, waitMs }, 'insert is repeated');
      options.onWaiting(error instanceof Error ? error.message : String(error));
      await sleep(waitMs, undefined, { signal: options.stopping });
    } finally {
      endTimer();
    }
  }
}

/** A dead letter that is itself unreadable must not come round again: it is counted and logged, no more. */
function refuse(
  options: SinkOptions,
  slice: Slice,
  offset: bigint,
  value: Buffer,
  detail: string,
  letters: DeadLetter[],
): void {
  const origin = `${slice.topic}/${slice.partition}/${offset}`;
  options.metrics.errors.inc({ kind: 'invalid_record' });
  options.log.warn({ origin, detail }, 'record does not fit its schema');
  if (slice.topic !== DEAD_LETTERS_TOPIC) letters.push(letterOf('INVALID_RECORD', detail, origin, value));
}

function refusedLetter({ row, message }: RefusedRow): DeadLetter {
  return letterOf('ROW_REFUSED', message, row.origin, Buffer.from(row.json));
}

function letterOf(reason: DeadLetterReason, detail: string, origin: string, value: Buffer): DeadLetter {
  const payload = value.subarray(0, DEAD_LETTER_PAYLOAD_BYTES);
  return {
    v: 1,
    id: randomUUID(),
    source: 'sink',
    reason,
    detail: detail.slice(0, 2000),
    origin,
    payload: payload.toString('base64'),
    payloadEncoding: 'base64',
    payloadTruncated: payload.length < value.length,
    receivedAtMs: Date.now(),
  };
}

async function bury({ producer }: SinkOptions, letters: readonly DeadLetter[]): Promise<void> {
  if (letters.length === 0) return;
  await producer.send(
    DEAD_LETTERS_TOPIC,
    letters.map((letter) => ({ key: letter.id, value: JSON.stringify(letter) })),
  );
}
