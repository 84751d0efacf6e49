import { parseColumnType } from '../manifest/columnType.js';
import { landing } from '../manifest/columns.js';
import type { Manifest } from '../manifest/schema.js';
import type { Session } from './engine.js';
import { literal } from './sql.js';
import type { LandedRow, QuarantinedRow } from './staged.js';
import { familyOf } from './types/index.js';

const MOST_CHARACTERS = 10_000;

/** Rows of a staged file. */
export async function landedRows(
  path: string,
  { manifest, evolved = [] }: { manifest: Manifest; evolved?: readonly string[] },
  session: Session,
): Promise<LandedRow[]> {
  const declared = landing(manifest.columns);
  const names = [...declared.map(({ name }) => name), ...evolved];
  const texts = names.map((_, index) => {
    const type = parseColumnType(declared[index]?.type ?? 'String');
    // What is carried as a text is the text of its value.
    return bounded(type === undefined ? `c${index}` : familyOf(type).text(`c${index}`));
  });
  const rows = await session.rows(`SELECT _source, _line, ${texts.join(', ')} FROM read_parquet(${literal(path)})`);
  return rows.map(([source, line, ...values]) => ({
    source: String(source),
    line: Number(line),
    values: Object.fromEntries(names.map((name, index) => [name, textOrNull(values[index])])),
  }));
}

/** Rows that were set aside. */
export async function setAsideRows(path: string, session: Session): Promise<QuarantinedRow[]> {
  const columns =
    "{source: 'VARCHAR', line: 'UBIGINT', reason: 'VARCHAR', subject: 'VARCHAR', detail: 'VARCHAR', raw: 'VARCHAR'}";
  const from = `read_json(${literal(path)}, format = 'newline_delimited', columns = ${columns})`;
  const rows = await session.rows(`SELECT source, line, reason, subject, detail, raw FROM ${from}`);
  return rows.map(([source, line, ...texts]) => {
    const [reason = '', subject = '', detail = '', raw = ''] = texts.map(String);
    return { source: String(source), line: Number(line), reason, subject, detail, raw };
  });
}

function bounded(text: string): string {
  return `CASE WHEN length(${text}) > ${MOST_CHARACTERS} THEN left(${text}, ${MOST_CHARACTERS}) || '…' ELSE ${text} END`;
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
