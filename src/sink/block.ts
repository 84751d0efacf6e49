import type { DeadLetterReason } from '../domain/index.js';
import type { RefusedRecord } from '../stream/index.js';
import type { EncodedRow, Target } from '../warehouse/index.js';

/** A row on its way into a table. */
export interface Row {
  target: Target;
  /** The partition of the table that it falls into: a block touches few of them. */
  tablePartition: number;
  /** The row in the target's format. */
  data: EncodedRow;
  source: RecordSource;
}

/** Rows of one table that are inserted at once. */
export interface Block {
  target: Target;
  rows: number;
  data: readonly EncodedRow[];
}

/** Turns a record into a row of its table, or says why it does not fit there. */
export type ReadRecord = (source: RecordSource, retention: Retention) => ReadRow;

export type ReadRow = { kind: 'row'; row: Row } | { kind: 'unfit'; reason: DeadLetterReason; detail: string };

export interface Retention {
  days: number;
  nowMs: number;
}

/** Where a row was read, for a dead letter. */
export interface RecordSource extends RefusedRecord {
  topic: string;
  partition: number;
  offset: bigint;
  /** Aborted when nobody waits for the row any more: whoever has the partition now reads it again. */
  signal: AbortSignal;
}

/** Why a row could not be inserted: the data is at fault, not the server. */
export interface RefusedRow {
  row: Row;
  message: string;
}

/** Bounds of one insert. */
export interface BlockLimits {
  maxRows: number;
  /** ClickHouse refuses a block that touches too many partitions (`max_partitions_per_insert_block`, 100). */
  maxPartitions: number;
}

/** Cuts rows into blocks for one table each, in their order, within the limits. */
export function cutBlocks(rows: readonly Row[], limits: BlockLimits): Row[][] {
  const blocks: Row[][] = [];
  const open = new Map<Target, { rows: Row[]; partitions: Set<number> }>();
  for (const row of rows) {
    let block = open.get(row.target);
    const opensPartition = block !== undefined && !block.partitions.has(row.tablePartition);
    if (
      !block ||
      block.rows.length >= limits.maxRows ||
      (opensPartition && block.partitions.size >= limits.maxPartitions)
    ) {
      block = { rows: [], partitions: new Set() };
      open.set(row.target, block);
      blocks.push(block.rows);
    }
    block.rows.push(row);
    block.partitions.add(row.tablePartition);
  }
  return blocks;
}

/** What an insert of a block came to. `data`: the server refuses it for what is in it. */
export type InsertOutcome = { kind: 'stored' } | { kind: 'data'; message: string };

/**
 * Inserts a block; when its data is refused, halves it until the rows at fault stand alone. Rejects only when `insert`
 * does, which repeats unknown outcomes by itself: rows that were stored meanwhile are stored again, and counted once by
 * their key.
 */
export async function insertIsolating(
  block: readonly Row[],
  insert: (block: Block) => Promise<InsertOutcome>,
): Promise<RefusedRow[]> {
  const [row] = block;
  if (row === undefined) return [];
  const { target } = row;
  const outcome = await insert({ target, rows: block.length, data: block.map(({ data }) => data) });
  if (outcome.kind === 'stored') return [];
  if (block.length === 1) return [{ row, message: outcome.message }];
  const middle = Math.ceil(block.length / 2);
  return [
    ...(await insertIsolating(block.slice(0, middle), insert)),
    ...(await insertIsolating(block.slice(middle), insert)),
  ];
}
