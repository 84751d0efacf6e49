import { literal } from '../staging/sql.js';
import type { Database } from './database.js';
import { findKey } from './key.js';
import { isTimeName } from './names.js';
import type { ColumnProposal, LayoutProposal } from './proposal.js';
import { countOf, SAMPLE } from './table.js';

/** More columns in ORDER BY rarely help a query. */
const MOST_ORDER_COLUMNS = 5;
const MOST_FILTER_COLUMNS = 2;
const MOST_FILTER_VALUES = 1_000;

/** How rows should lie: what tells them apart, and by what they are sorted and parted. */
export async function proposeLayout(
  db: Database,
  columns: readonly ColumnProposal[],
  rows: number,
): Promise<LayoutProposal> {
  const { key, repeated } = await findKey(db, columns, rows);
  const time = timeOf(columns);
  const placed = { key: key.map(({ name }) => name), repeated, orderBy: orderOf(columns, key, time) };
  if (time === undefined) return placed;
  const months = await countOf(db, `SELECT count(DISTINCT date_trunc('month', ${instantOf(time)})) FROM ${SAMPLE}`);
  return { ...placed, time: time.name, months };
}

/** The time at which a row came to be; not the one at which it changed. */
function timeOf(columns: readonly ColumnProposal[]): ColumnProposal | undefined {
  const rate = ({ name }: ColumnProposal): number =>
    /updat|modif|chang|delet|expir|due|geaendert|aktualisiert/.test(name) ? 0 : isTimeName(name) ? 2 : 1;
  const [first] = columns
    .filter(
      ({ kind, missing, personal }) => (kind === 'time' || kind === 'date') && missing === 0 && personal === undefined,
    )
    .toSorted((a, b) => rate(b) - rate(a));
  return first;
}

function instantOf({ sql, clean }: ColumnProposal): string {
  for (const step of clean)
    if (typeof step === 'object' && 'time' in step && step.time.format !== undefined)
      return `try_strptime(trim(${sql}), ${literal(step.time.format)})`;
  return `try_cast(trim(CAST(${sql} AS VARCHAR)) AS TIMESTAMPTZ)`;
}

/** What queries filter by first, and of that what has the fewest values; then the time, then the key. */
function orderOf(
  columns: readonly ColumnProposal[],
  key: readonly ColumnProposal[],
  time: ColumnProposal | undefined,
): string[] {
  const last = [...(time === undefined ? [] : [time]), ...key].map(({ name }) => name);
  const filters = columns
    .filter(({ type, distinct }) => type === 'LowCardinality(String)' && distinct > 1 && distinct <= MOST_FILTER_VALUES)
    .filter(({ name, personal }) => !last.includes(name) && personal === undefined)
    .toSorted((a, b) => a.distinct - b.distinct)
    .slice(0, Math.min(MOST_FILTER_COLUMNS, MOST_ORDER_COLUMNS - last.length));
  const order = [...new Set([...filters.map(({ name }) => name), ...last])];
  if (order.length > 0) return order;
  const plain = columns.find(({ kind, missing }) => missing === 0 && !['list', 'json', 'float'].includes(kind));
  return [plain?.name ?? 'tuple()'];
}
