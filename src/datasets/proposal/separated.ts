import { literal } from '../staging/sql.js';
import type { Database } from './database.js';
import { findDialect, type Dialect } from './dialect.js';
import { ProposalError } from './errors.js';
import type { TextSample } from './sample.js';
import {
  columnAt,
  countOf,
  makeTable,
  MOST_COLUMNS,
  SAMPLE,
  type FormatSettings,
  type SampleColumn,
  type SampleTable,
} from './table.js';

/** Texts that stand for nothing wherever they are; others do so in a column of numbers or times alone. */
const NOTHING_ANYWHERE = ['NULL', 'null', '\\N'];
/** A longer line is none: DuckDB needs several of them in memory. */
const MOST_LINE_BYTES = 4 * 1024 * 1024;

/** Makes the table of a CSV or TSV: every field as the text that it is. Throws ProposalError. */
export async function tableOfSeparated(
  db: Database,
  sample: TextSample,
  type: 'csv' | 'tsv',
  most: number,
): Promise<SampleTable> {
  const dialect = findDialect(sample.head, type === 'tsv' ? ['\t'] : undefined);
  if (dialect.width > MOST_COLUMNS)
    throw new ProposalError(`it has ${dialect.width} columns; a manifest has at most ${MOST_COLUMNS}`);
  const [names = [], second = []] = await db.rows(
    `${reading(sample.path, dialect, false, 'null_padding = true, parallel = false')} LIMIT 2`,
  );
  const header = isHeader(names, second);
  const made = await makeTable(db, reading(sample.path, dialect, header, 'store_rejects = true'), most);
  if (made.rows === 0) throw new ProposalError('no rows are in it');
  const { columns, notes } = columnsOf(names, header);
  return {
    ...{ rows: made.rows, isWhole: !made.isCut && !sample.isCut, columns },
    notes: [...notes, ...(await oddRows(db, sample.head))],
    format: settings(type, sample, dialect, header, await nothingAnywhere(db, columns)),
  };
}

function reading(path: string, { delimiter, quote, skip, width }: Dialect, header: boolean, more: string): string {
  const columns = Array.from({ length: width }, (_, index) => `c${index}: 'VARCHAR'`).join(', ');
  const options = [
    `auto_detect = false, delim = ${literal(delimiter)}, quote = ${literal(quote)}, escape = ${literal(quote)}`,
    `skip = ${skip}, header = ${header}, columns = {${columns}}, ignore_errors = true`,
    `max_line_size = ${MOST_LINE_BYTES}, new_line = '\\n', ${more}`,
  ];
  return `SELECT * FROM read_csv(${literal(path)}, ${options.join(', ')})`;
}

const VALUE = /^[-+]?[\d.,' ]*\d$|^\d{1,4}[-./]\d{1,2}[-./]\d{1,4}|@|:\/\//;
const YEAR = /^(?:19|20)\d\d$/;

/** Names are there, are not alike, and none is a number, a time or an address; but a year over other numbers may be one. */
function isHeader(first: readonly (string | null)[], second: readonly (string | null)[]): boolean {
  const names = first.map((name) => name?.trim() ?? '');
  const given = names.filter((name) => name !== '');
  const isValue = (name: string, index: number): boolean =>
    VALUE.test(name) && !(YEAR.test(name) && !YEAR.test(second[index]?.trim() ?? ''));
  return given.length > names.length / 2 && new Set(given).size > given.length / 2 && !names.some(isValue);
}

function columnsOf(names: readonly (string | null)[], header: boolean): { columns: SampleColumn[]; notes: string[] } {
  const notes: string[] = header
    ? []
    : ['The first row is no header: columns are from c1, c2 and so on; give them names.'];
  const taken = new Set<string>();
  const columns = names.flatMap((name, index): SampleColumn[] => {
    const from = header ? (name ?? '').trim() : `c${index + 1}`;
    const folded = from.toLowerCase();
    const why = from === '' ? 'has no name' : taken.has(folded) ? `is another '${from}'` : undefined;
    taken.add(folded);
    if (why === undefined) return [{ from, sql: columnAt(index), holds: 'text' }];
    notes.push(`Column ${index + 1} ${why} in the header: a run refuses such a file. Here it is left out.`);
    return [];
  });
  if (columns.length === 0) throw new ProposalError('no column has a name');
  return { columns, notes };
}

async function oddRows(db: Database, head: string): Promise<string[]> {
  const notes: string[] = [];
  const rejected = await countOf(db, 'SELECT count(DISTINCT line) FROM reject_errors');
  if (rejected > 0) {
    const [[line] = []] = await db.rows('SELECT min(line) FROM reject_errors');
    const rows = rejected === 1 ? 'One row has' : `${rejected} rows have`;
    notes.push(
      `${rows} more or fewer fields than most, or broken quotes (the first in line ${line ?? '?'}): a run sets them aside.`,
    );
  }
  if (head.includes('\\"'))
    notes.push('Some quotes have a backslash before them; only doubled ones are read as quotes within a text.');
  return notes;
}

/** Which of these texts occur; in the table they are nothing from now on. */
async function nothingAnywhere(db: Database, columns: readonly SampleColumn[]): Promise<string[]> {
  const anywhere = (word: string): string => columns.map(({ sql }) => `${sql} = ${literal(word)}`).join(' OR ');
  const [found = []] = await db.rows(
    `SELECT ${NOTHING_ANYWHERE.map((word) => `coalesce(bool_or(${anywhere(word)}), false)`).join(', ')} FROM ${SAMPLE}`,
  );
  const words = NOTHING_ANYWHERE.filter((_, index) => found[index] === 'true');
  if (words.length > 0)
    await db.run(
      `UPDATE ${SAMPLE} SET ${columns
        .map(({ sql }) => `${sql} = CASE WHEN ${sql} IN (${words.map(literal).join(', ')}) THEN NULL ELSE ${sql} END`)
        .join(', ')}`,
    );
  return words;
}

function settings(
  type: 'csv' | 'tsv',
  sample: TextSample,
  { delimiter, quote, skip, isTrailing }: Dialect,
  header: boolean,
  nulls: readonly string[],
): FormatSettings {
  return {
    type: delimiter === '\t' ? 'tsv' : type,
    ...(delimiter === ',' || delimiter === '\t' ? {} : { delimiter }),
    ...(quote === '"' ? {} : { quote }),
    ...(sample.encoding === 'utf-8' || sample.isMarked ? {} : { encoding: sample.encoding }),
    ...(header ? {} : { header: false }),
    ...(skip === 0 ? {} : { skip }),
    ...(nulls.length === 0 ? {} : { nulls: ['', ...nulls] }),
    ...(isTrailing ? { extraColumns: 'ignore' } : {}),
  };
}
