import type { Reason, Written } from '../written/index.js';
import type { Fate, LandedRow, World } from './fate.js';

/** What a dataset does with its records; written by hand beside its manifest, and not read from it. */
export interface Rules<Fields> {
  dataset: string;
  /** That land, in order, without those of the lineage. */
  columns: readonly string[];
  mode: 'append' | 'replace all' | 'replace partitions';
  /** Default: all columns. */
  key?: readonly string[];
  /** Of a row, with mode 'replace partitions'. */
  partition?: (row: LandedRow) => string;
  /** Columns of which each value may come once in a run; nothing may come often. */
  unique?: readonly string[];
  /** Columns whose values another dataset has. */
  references?: readonly { column: string; dataset: string; of: string }[];
  /** Share of 0 to 1; a run that sets aside more fails. Default: 0.05. */
  maxQuarantined?: number;
  /** How far the rows of a run may be from the median of the last ten, as a share of it. */
  againstHistory?: number;
  land(fields: Fields, world: World): Fate;
}

export interface Quarantined {
  source: string;
  line: number;
  reason: Reason;
  /** The column, the check or the lookup; empty for what was not read. */
  subject: string;
}

/** `read = loaded + quarantined + duplicates`, but for a run that failed: it loads nothing. */
export interface RunOutcome {
  read: number;
  loaded: number;
  duplicates: number;
  quarantined: Quarantined[];
  failed?: 'maxQuarantined' | 'againstHistory';
}

/** A row and where it came from. */
export interface TableRow {
  source: string;
  line: number;
  row: LandedRow;
}

/** What runs have left behind. */
export interface Table {
  rows: readonly TableRow[];
  /** Rows that each run has published, in order. */
  history: readonly number[];
}

export const EMPTY: Table = { rows: [], history: [] };

/** Numbers of runs that `againstHistory` looks back at. */
const LOOK_BACK = 10;

/** What one run does to a table. Records come in the order in which they are read. */
export function expectRun<Fields>(
  rules: Rules<Fields>,
  before: Table,
  records: readonly Written<Fields>[],
  world: World,
): { run: RunOutcome; after: Table } {
  const { good, quarantined } = sorted(rules, records, world);
  const read = records.length;
  const failed = failure(rules, before, read, good.length, quarantined.length);
  if (failed !== undefined) return { run: { read, loaded: 0, duplicates: 0, quarantined, failed }, after: before };
  const own = lastOfEachKey(rules, good);
  const held = new Set(rules.mode === 'append' ? before.rows.map(({ row }) => keyOf(rules, row)) : []);
  const loaded = own.filter(({ row }) => !held.has(keyOf(rules, row)));
  return {
    run: { read, loaded: loaded.length, duplicates: good.length - loaded.length, quarantined },
    after: { rows: [...kept(rules, before.rows, loaded), ...loaded], history: [...before.history, good.length] },
  };
}

/** One run after the other, from an empty table on. */
export function expectRuns<Fields>(
  rules: Rules<Fields>,
  runs: readonly { records: readonly Written<Fields>[]; world: World }[],
): { runs: RunOutcome[]; table: Table } {
  let table = EMPTY;
  const outcomes: RunOutcome[] = [];
  for (const { records, world } of runs) {
    const { run, after } = expectRun(rules, table, records, world);
    outcomes.push(run);
    table = after;
  }
  return { runs: outcomes, table };
}

/**
 * Rows as texts that can be compared: JSON with the columns in order, sorted. Rows of ClickHouse are to be read with
 * JSON_FORM and JSON.parse.
 */
export function rowTexts(columns: readonly string[], rows: readonly LandedRow[]): string[] {
  return rows.map((row) => JSON.stringify(columns.map((column) => row[column] ?? null))).sort();
}

/** Good rows, and what is set aside: for itself first, then for what other rows have. */
function sorted<Fields>(
  rules: Rules<Fields>,
  records: readonly Written<Fields>[],
  world: World,
): { good: TableRow[]; quarantined: Quarantined[] } {
  const seen = (rules.unique ?? []).map((column) => ({ column, values: new Set<string>() }));
  const references = (rules.references ?? []).map(({ column, dataset, of }) => ({
    column,
    values: new Set((world.tables[dataset] ?? []).map((row) => JSON.stringify(row[of]))),
  }));
  const good: TableRow[] = [];
  const quarantined: Quarantined[] = [];
  for (const { source, line, rejected, fields } of records) {
    const fate: Fate = rejected === undefined ? rules.land(fields, world) : { reason: rejected, subject: '' };
    const wrong = 'row' in fate ? (repeated(fate.row, seen) ?? unknown(fate.row, references)) : fate;
    if (wrong !== undefined) quarantined.push({ source, line, ...wrong });
    else if ('row' in fate) good.push({ source, line, row: fate.row });
  }
  return { good, quarantined };
}

function repeated(
  row: LandedRow,
  seen: readonly { column: string; values: Set<string> }[],
): { reason: Reason; subject: string } | undefined {
  for (const { column, values } of seen) {
    const value = row[column] ?? null;
    if (value === null) continue;
    if (values.has(JSON.stringify(value))) return { reason: 'UNIQUE', subject: column };
    values.add(JSON.stringify(value));
  }
  return undefined;
}

function unknown(
  row: LandedRow,
  references: readonly { column: string; values: ReadonlySet<string> }[],
): { reason: Reason; subject: string } | undefined {
  const missing = references.find(
    ({ column, values }) => (row[column] ?? null) !== null && !values.has(JSON.stringify(row[column])),
  );
  return missing && { reason: 'REFERENCE', subject: missing.column };
}

function failure<Fields>(
  { maxQuarantined = 0.05, againstHistory }: Rules<Fields>,
  { history }: Table,
  read: number,
  good: number,
  quarantined: number,
): RunOutcome['failed'] {
  if (quarantined > maxQuarantined * read) return 'maxQuarantined';
  const last = history.slice(-LOOK_BACK).sort((a, b) => a - b);
  if (againstHistory === undefined || last.length === 0) return undefined;
  const median = ((last[(last.length - 1) >> 1] ?? 0) + (last[last.length >> 1] ?? 0)) / 2;
  return Math.abs(good - median) > againstHistory * median ? 'againstHistory' : undefined;
}

/** In the order in which they came. */
function lastOfEachKey<Fields>(rules: Rules<Fields>, rows: readonly TableRow[]): TableRow[] {
  const last = new Map(rows.map((one) => [keyOf(rules, one.row), one]));
  return rows.filter((one) => last.get(keyOf(rules, one.row)) === one);
}

function keyOf<Fields>({ key, columns }: Rules<Fields>, row: LandedRow): string {
  return JSON.stringify((key ?? columns).map((column) => row[column] ?? null));
}

/** Rows of before that stay. */
function kept<Fields>(
  { mode, partition }: Rules<Fields>,
  before: readonly TableRow[],
  loaded: readonly TableRow[],
): readonly TableRow[] {
  if (mode === 'append') return before;
  if (mode === 'replace all' || partition === undefined) return [];
  const replaced = new Set(loaded.map(({ row }) => partition(row)));
  return before.filter(({ row }) => !replaced.has(partition(row)));
}
