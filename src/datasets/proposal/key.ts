import type { Database } from './database.js';
import { isKeyName } from './names.js';
import type { ColumnProposal } from './proposal.js';
import { countOf, SAMPLE } from './table.js';

const MOST_KEY_COLUMNS = 3;
const MOST_NAMED = 8;
const MOST_UNNAMED = 6;
/** Rows that are not alike in everything. */
const UNLIKE = 'unlike';

type Columns = readonly ColumnProposal[];

/**
 * The fewest columns in which no two rows are alike but those that are alike in everything: first with a column that is
 * named like a key, then of others. Empty: there are none. `repeated`: rows that equal another in everything.
 */
export async function findKey(
  db: Database,
  columns: Columns,
  rows: number,
): Promise<{ key: Columns; repeated: number }> {
  const all = columns.map(({ sql }) => sql).join(', ');
  await db.run(`CREATE OR REPLACE TABLE ${UNLIKE} AS SELECT DISTINCT ${all} FROM ${SAMPLE}`);
  const unlike = await countOf(db, `SELECT count(*) FROM ${UNLIKE}`);
  const repeated = rows - unlike;
  // One row is unlike any other whatever the column.
  if (unlike < 2) return { key: [], repeated };
  const candidates = columns
    .filter(({ missing, personal, kind }) => missing === 0 && personal === undefined && KINDS.includes(kind))
    .toSorted((a, b) => rateOf(b) - rateOf(a));
  const named = candidates.filter((one) => rateOf(one) > 1 || one.kind !== 'integer').slice(0, MOST_NAMED);
  const withName = combinations(named).filter((some) => some.some((one) => rateOf(one) > 1));
  const unnamed = candidates.filter((one) => rateOf(one) <= 1 && one.kind !== 'integer').slice(0, MOST_UNNAMED);
  // A time is unlike others by chance.
  const without = combinations(unnamed).filter((some) => some.some(({ kind }) => kind !== 'time'));
  for (const some of [...withName, ...without]) if (await isUnique(db, some, unlike)) return { key: some, repeated };
  return { key: [], repeated };
}

const KINDS: readonly ColumnProposal['kind'][] = ['integer', 'text', 'uuid', 'date', 'time'];

function rateOf({ name, kind }: ColumnProposal): number {
  if (name === 'id' || name === 'uuid') return 4;
  if (/(?:^|_)(?:id|uuid|guid)$/.test(name)) return 3;
  if (isKeyName(name) || kind === 'uuid') return 2;
  return kind === 'date' || kind === 'time' ? 1 : 0;
}

async function isUnique(db: Database, some: Columns, unlike: number): Promise<boolean> {
  if (some.reduce((product, { distinct }) => product * distinct, 1) < unlike) return false;
  const names = some.map(({ sql }) => sql).join(', ');
  return (await countOf(db, `SELECT count(*) FROM (SELECT DISTINCT ${names} FROM ${UNLIKE})`)) === unlike;
}

/** Those of one column first, then of two, then of three; each in the order that they are given in. */
function combinations(columns: Columns): Columns[] {
  let longest: Columns[] = [[]];
  const all: Columns[] = [];
  for (let size = 1; size <= MOST_KEY_COLUMNS; size += 1) {
    longest = longest.flatMap((some) => {
      const [last] = some.slice(-1);
      const from = last === undefined ? 0 : columns.indexOf(last) + 1;
      return columns.slice(from).map((column) => [...some, column]);
    });
    all.push(...longest);
  }
  return all;
}
