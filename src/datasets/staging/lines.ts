import type { LineMark } from '../records/piece.js';
import type { Session } from './engine.js';
import { StagingError } from './errors.js';
import { RECORD } from './source.js';
import { identifier, literal } from './sql.js';

/** SQL of where a record stands. */
export interface Lines {
  source: string;
  line: string;
  /** What has to be joined to the records. */
  join: string;
  /** All records are of one source. */
  isOneSource: boolean;
}

/** More marks than these are joined; fewer are a CASE. */
const MOST_CASES = 16;
const TABLE = identifier('#lines');
const MARKS = identifier('#marks');

/** A record that the piece does not say it has makes the statement fail: it would land uncounted. */
export async function linesOf(marks: readonly LineMark[], records: number, session: Session): Promise<Lines> {
  if (records > 0 && marks[0]?.record !== 0) throw new StagingError('the first record of the piece has no line');
  const uncounted = `error('the file has more records than the ${records} of the piece')`;
  const isOneSource = marks.every(({ source }) => source === marks[0]?.source);
  if (marks.length <= MOST_CASES) {
    const cases = (of: (mark: LineMark) => string): string =>
      marks
        .toReversed()
        .map((mark) => `WHEN ${RECORD} >= ${mark.record} THEN ${of(mark)}`)
        .join(' ');
    const counted = (sql: string): string => `CASE WHEN ${RECORD} >= ${records} THEN ${uncounted} ${sql} END`;
    return {
      source: counted(cases(({ source }) => literal(source))),
      line: `CAST(${counted(cases(({ record, line }) => `${RECORD} + ${BigInt(line) - BigInt(record)}`))} AS UBIGINT)`,
      join: '',
      isOneSource,
    };
  }
  await session.run(`CREATE TEMP TABLE ${MARKS} (record BIGINT, source VARCHAR, line BIGINT)`);
  await session.append('#marks', marksOf(marks));
  await session.run(
    `CREATE TEMP TABLE ${TABLE} AS SELECT record + place AS "#at", source AS "#source", line + place AS "#line" FROM (SELECT *, unnest(range(next - record)) AS place FROM (SELECT *, lead(record, 1, ${records}) OVER (ORDER BY record) AS next FROM ${MARKS}))`,
  );
  return {
    source: `COALESCE("#source", ${uncounted})`,
    line: `CAST("#line" AS UBIGINT)`,
    join: ` LEFT JOIN ${TABLE} ON "#at" = ${RECORD}`,
    isOneSource,
  };
}

function* marksOf(marks: readonly LineMark[]): Generator<[bigint, string, bigint]> {
  for (const { record, source, line } of marks) yield [BigInt(record), source, BigInt(line)];
}
