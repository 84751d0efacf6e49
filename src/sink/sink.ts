import { setTimeout as sleep } from 'node:timers/promises';
import { DEAD_LETTERS_TOPIC, laneOf, type DeadLetterReason } from '../domain/index.js';
import {
  GroupCommit,
  recordDeadLetter,
  type GroupCommitOptions,
  type SliceHandler,
  type StreamProducer,
} from '../stream/index.js';
import type { Logger } from '../telemetry/index.js';
import { TRACE_HEADER, type Tracing } from '../tracing/index.js';
import { WarehouseError, type Target } from '../warehouse/index.js';
import {
  cutBlocks,
  insertIsolating,
  type Block,
  type BlockLimits,
  type InsertOutcome,
  type ReadRecord,
  type RecordSource,
  type Row,
} from './block.js';
import type { SinkMetrics } from './metrics.js';
import { packRecords, topicsAsTheyCame, type Pack } from './pack.js';
import { readRow, sourceOf } from './rows.js';

export interface SinkOptions {
  /** One insert. Throws when its outcome is unknown or the server is away. */
  insert: (block: Block) => Promise<InsertOutcome>;
  producer: Pick<StreamProducer, 'send'>;
  limits: BlockLimits;
  /** When a block is inserted. After a pause an insert goes at once. */
  pace: Pick<GroupCommitOptions<unknown>, 'minIntervalMs' | 'trickle' | 'fullItems'>;
  /** Turns a record into a row. Default: as Penstock's own topics are read, of which results go as they came. */
  read?: ReadRecord;
  /** Records that would go as they came are read here while a block has fewer. Default 1,000. */
  fewRows?: number;
  /** Days after its upload that an image stays in the table. */
  retentionDays: number;
  metrics: SinkMetrics;
  tracing: Pick<Tracing, 'record'>;
  log: Logger;
  /** Told a sentence while ClickHouse is waited for, `undefined` when it answers again. */
  onWaiting: (sentence: string | undefined) => void;
  /** Ends the repetition of inserts: the role is stopping. What was read is still tried once. */
  stopping: AbortSignal;
}

/** The same, waiting table by table: they are inserted into side by side. */
type Sink = Omit<SinkOptions, 'onWaiting'> & { onWaiting: (table: string, sentence: string | undefined) => void };

/**
 * ClickHouse reads a record as it came at less cost than the sink does, but first it has to understand the query that
 * says how: for few rows that costs more than all else. docs/performance.md has the figures.
 */
const FEW_ROWS = 1_000;
const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 10_000;

/**
 * Writes slices into ClickHouse, at least once: a slice is consumed when all of its rows are stored or kept as dead
 * letters. Slices of all partitions share the inserts of their table: while one runs, the next block fills; a flood of
 * events keeps no result waiting. Any unknown outcome is repeated; the key of the table makes that harmless.
 */
export function createSink(given: SinkOptions): SliceHandler {
  const waiting = new Map<string, string>();
  const options: Sink = {
    ...given,
    onWaiting: (table, sentence) => {
      if (sentence === undefined) waiting.delete(table);
      else waiting.set(table, sentence);
      given.onWaiting([...waiting.values()].at(-1));
    },
  };
  const { limits, retentionDays, read = readRow } = options;
  const asTheyCame = options.read === undefined ? topicsAsTheyCame(retentionDays) : new Map<string, Target>();
  const bounds = {
    maxItems: Math.min(limits.maxRows, 4 * (options.pace.fullItems ?? Infinity)),
    ...options.pace,
  };
  const rowsOf = new Groups<Row>(() => new GroupCommit((rows) => storeRows(options, rows), bounds));
  const packsOf = new Groups<Pack>(
    () => new GroupCommit((packs) => storePacks(options, packs), { ...bounds, sizeOf: ({ count }) => count }),
  );
  return async (slice) => {
    const front = slice.records.slice(0, limits.maxRows);
    const target = asTheyCame.get(slice.topic);
    if (target) {
      const place = await firstOf(packsOf.of(target).offer([packRecords(slice, front, target)]), slice.signal);
      return place === undefined ? { consumed: 0 } : { consumed: front.length, done: place.committed };
    }
    const rows = await readAll(
      options,
      front.map((record) => sourceOf(slice, record)),
      read,
    );
    // Records of one topic are rows of one table.
    if (rows[0] === undefined) return { consumed: front.length };
    // The partition is lost: somebody else reads these records again, so the rebalance need not wait for ClickHouse.
    const place = await firstOf(rowsOf.of(rows[0].target).offer(rows), slice.signal);
    return place === undefined ? { consumed: 0 } : { consumed: front.length, done: place.committed };
  };
}

/** Rows of records; what fits into no table is kept. */
async function readAll(options: Sink, sources: readonly RecordSource[], read: ReadRecord): Promise<Row[]> {
  const rows: Row[] = [];
  const unfit: Refusal[] = [];
  const retention = { days: options.retentionDays, nowMs: Date.now() };
  for (const source of sources) {
    const outcome = read(source, retention);
    if (outcome.kind === 'row') rows.push(outcome.row);
    // What is wrong with an event is its dispatcher's to tell, and once: it keeps the dead letter of a record that it
    // can't read; what it can, comes back as a result that fits no table either, and is one then.
    else if (laneOf(source.topic) !== undefined) options.metrics.skipped.inc({ reason: outcome.reason });
    else unfit.push({ source, reason: outcome.reason, detail: outcome.detail });
  }
  await bury(options, unfit);
  return rows;
}

/** What waits for the inserts of a table, table by table. */
class Groups<T> {
  readonly #groups = new Map<Target, GroupCommit<T>>();

  constructor(private readonly make: () => GroupCommit<T>) {}

  of(target: Target): GroupCommit<T> {
    const group = this.#groups.get(target) ?? this.make();
    this.#groups.set(target, group);
    return group;
  }
}

async function storePacks(options: Sink, packs: readonly Pack[]): Promise<void> {
  const awaited = packs.filter(({ signal }) => !signal.aborted);
  const [first] = awaited;
  if (first === undefined) return;
  const { target } = first;
  const rows = awaited.reduce((sum, { count }) => sum + count, 0);
  if (rows < (options.fewRows ?? FEW_ROWS)) {
    await storeRead(options, awaited);
    return;
  }
  const startMs = Date.now();
  const outcome = await insertUntilKnown(options, { target, rows, data: awaited.map(({ data }) => data) });
  if (outcome.kind === 'stored') {
    options.metrics.rows.inc({ table: target.table }, rows);
    delayed(options, target, Math.min(...awaited.map(({ oldestMs }) => oldestMs)));
    traceStored(
      options,
      target,
      startMs,
      awaited.flatMap(({ traces }) => traces),
    );
    return;
  }
  options.log.info({ table: target.table, rows }, 'a block is read record by record');
  await storeRead(options, awaited);
}

/** Reads the records by the schema of the message, and inserts their rows. */
async function storeRead(options: Sink, packs: readonly Pack[]): Promise<void> {
  const sources = packs.flatMap((pack) => pack.sources());
  await storeRows(options, await readAll(options, sources, readRow));
}

async function storeRows(options: Sink, rows: readonly Row[]): Promise<void> {
  const awaited = rows.filter(({ source }) => !source.signal.aborted);
  for (const block of cutBlocks(awaited, options.limits)) await storeIsolating(options, block);
}

async function storeIsolating(options: Sink, block: readonly Row[]): Promise<void> {
  const startMs = Date.now();
  const refused = await insertIsolating(block, (part) => insertUntilKnown(options, part));
  const target = block[0]?.target;
  if (target === undefined) return;
  options.metrics.rows.inc({ table: target.table }, block.length - refused.length);
  delayed(
    options,
    target,
    block.reduce((oldest, { source }) => Math.min(oldest, source.timestampMs), Infinity),
  );
  traceStored(
    options,
    target,
    startMs,
    block.flatMap(({ source }) => source.headers?.[TRACE_HEADER] ?? []),
  );
  await bury(
    options,
    refused.map(({ row, message }) => ({ source: row.source, reason: 'ROW_REFUSED', detail: message })),
  );
}

function delayed({ metrics }: Sink, { table }: Target, oldestMs: number): void {
  metrics.delay.observe({ table }, Math.max(0, Date.now() - oldestMs) / 1000);
}

function traceStored({ tracing }: Sink, { table }: Target, startMs: number, traces: readonly string[]): void {
  for (const parent of traces)
    tracing.record('store', { parent, startMs, attributes: { 'db.collection.name': table } });
}

/** Repeats an insert until the server has said what became of it. */
async function insertUntilKnown(options: Sink, block: Block): Promise<InsertOutcome> {
  const { rows, target } = block;
  const { table } = target;
  for (let tries = 0; ; tries += 1) {
    const endTimer = options.metrics.insertSeconds.startTimer({ table });
    try {
      const outcome = await options.insert(block);
      options.onWaiting(table, undefined);
      options.metrics.blockRows.observe({ table }, rows);
      if (outcome.kind === 'data') options.metrics.errors.inc({ kind: 'data' });
      return outcome;
    } catch (error) {
      options.metrics.errors.inc({ kind: error instanceof WarehouseError ? error.kind : 'unavailable' });
      const waitMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(tries, 10));
      options.log.warn({ err: error, table, rows, tries: tries + 1, waitMs }, 'insert is repeated');
      options.onWaiting(table, error instanceof Error ? error.message : String(error));
      await sleep(waitMs, undefined, { signal: options.stopping });
    } finally {
      endTimer();
    }
  }
}

interface Refusal {
  source: RecordSource;
  reason: DeadLetterReason;
  detail: string;
}

/** Keeps records that can't be stored. A dead letter that can't be stored must not come round again: it is logged. */
async function bury({ log, metrics, producer }: Sink, refusals: readonly Refusal[]): Promise<void> {
  for (const { source, reason } of refusals) {
    metrics.refused.inc({ reason });
    // Not the detail, which quotes what is in the record: it is in the dead letter.
    log.error({ origin: source.origin, reason }, 'a record can not be stored');
  }
  const letters = refusals
    .filter(({ source }) => source.topic !== DEAD_LETTERS_TOPIC)
    .map(({ source, reason, detail }) => recordDeadLetter(source, { source: 'sink', reason, detail }));
  if (letters.length === 0) return;
  await producer.send(
    DEAD_LETTERS_TOPIC,
    letters.map((letter) => ({ key: letter.id, value: JSON.stringify(letter) })),
  );
}

/** What `work` comes to, or undefined when the signal aborts first; what `work` throws passes through. */
async function firstOf<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) {
    work.catch(() => undefined);
    return undefined;
  }
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      resolve(undefined);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
  });
}
