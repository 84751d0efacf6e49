import { MOST_RAW_BYTES, type RejectedRecord } from '../records/piece.js';
import type { Fault } from './columns.js';
import type { Session } from './engine.js';
import type { Lines } from './lines.js';
import { identifier, listOf, literal } from './sql.js';

/** So many sentences are told of one row. */
const MOST_SENTENCES = 5;
/** As JSON each of these characters has 6 bytes at most. */
const MOST_RAW_CHARACTERS = 10_000;
const TABLE = identifier('#quarantine');

/**
 * Rows of a pipeline that were set aside, as a SELECT of the fields of QuarantinedRow. `rows` has all that the pipeline
 * names; whether the run has to fail of a row is in "#fails".
 */
export function setAside(rows: string, faults: readonly Fault[], raw: string, lines: Lines): string {
  const subjects = faults.map(({ sql, subject }) => `WHEN ${sql} IS NOT NULL THEN ${literal(subject)}`).join(' ');
  const all = listOf(faults.map(({ sql }) => sql));
  const told = `list_filter(${all}, lambda fault: fault IS NOT NULL)`;
  const faulty = `SELECT ${lines.source} AS source, ${lines.line} AS line, ${told} AS faults, CASE ${subjects} END AS subject, ${raw} AS raw FROM (${rows})${lines.join}`;
  const sentence = `list_transform(faults[1:${MOST_SENTENCES}], lambda fault: substring(fault, instr(fault, ' ') + 1))`;
  const fields = [
    'source',
    'line',
    "ltrim(split_part(faults[1], ' ', 1), '!') AS reason",
    'subject',
    `array_to_string(${sentence}, '; ') AS detail`,
    `${bounded('raw')} AS raw`,
    'len(list_filter(faults, lambda fault: starts_with(fault, \'!\'))) > 0 AS "#fails"',
  ];
  return `SELECT ${fields.join(', ')} FROM (${faulty}) WHERE len(faults) > 0`;
}

/** What is too long for JSON as it is becomes a text in JSON, cut. */
function bounded(raw: string): string {
  const cut = `CAST(json_object('cut', left(${raw}, ${MOST_RAW_CHARACTERS})) AS VARCHAR)`;
  return `CASE WHEN strlen(${raw}) <= ${MOST_RAW_BYTES} THEN ${raw} ELSE ${cut} END`;
}

export interface Quarantine {
  rows: number;
  /** Sentence about the first row that makes the run fail. */
  failure?: string;
}

/** Writes the rows that `select` sets aside, and the records that were rejected, as NDJSON. */
export async function writeQuarantine(
  select: string | undefined,
  rejected: readonly RejectedRecord[],
  hidesRaw: boolean,
  path: string,
  session: Session,
): Promise<Quarantine> {
  await session.run(
    `CREATE TEMP TABLE ${TABLE} (source VARCHAR, line UBIGINT, reason VARCHAR, subject VARCHAR, detail VARCHAR, raw VARCHAR, "#fails" BOOLEAN DEFAULT false)`,
  );
  if (select !== undefined) await session.run(`INSERT INTO ${TABLE} ${select}`);
  await session.run(
    'CREATE TEMP TABLE "#rejected" (source VARCHAR, line BIGINT, reason VARCHAR, detail VARCHAR, raw VARCHAR)',
  );
  await session.append('#rejected', rejectedRows(rejected, hidesRaw));
  await session.run(
    `INSERT INTO ${TABLE} SELECT source, line, reason, '', detail, ${bounded('raw')}, false FROM "#rejected"`,
  );
  const rows = await session.copy(
    `SELECT * EXCLUDE ("#fails") FROM ${TABLE} ORDER BY source, line`,
    path,
    'FORMAT json',
  );
  const failing = await session.rows(
    `SELECT detail, source, line, count(*) OVER () FROM ${TABLE} WHERE "#fails" ORDER BY source, line LIMIT 1`,
  );
  const [first] = failing;
  if (first === undefined) return { rows };
  const [detail, source, line, count] = first;
  const more = Number(count) > 1 ? `, and ${Number(count) - 1} rows more` : '';
  return { rows, failure: `${String(detail)} (line ${String(line)} of ${String(source)}${more})` };
}

function* rejectedRows(
  rejected: readonly RejectedRecord[],
  hidesRaw: boolean,
): Generator<[string, bigint, string, string, string]> {
  for (const { source, line, reason, detail, raw } of rejected)
    yield [source, BigInt(line), reason, detail, hidesRaw ? '[personal]' : raw];
}
