import { parseColumnType } from '../manifest/columnType.js';
import { choose, type Point } from './choose.js';
import type { Database } from './database.js';
import { findInTexts, type TextFindings } from './findings.js';
import type { Kind, Typed } from './reading.js';
import { SAMPLE, type SampleColumn } from './table.js';

/** A column of the sample as text, in SQL. */
export function textOf({ sql, holds }: SampleColumn): string {
  return typeof holds === 'object' ? `CAST(${sql} AS VARCHAR)` : sql;
}

/** What a column is: what its source says, or what all its texts are. */
export async function typeOf(
  db: Database,
  { sql, holds }: SampleColumn,
  name: string,
  findings: TextFindings,
  point: Point,
): Promise<Typed> {
  if (typeof holds === 'object') return declared(db, sql, holds.type);
  if (holds === 'list') return listOf(db, sql, name, point);
  if (holds === 'json')
    return { type: 'String', kind: 'json', clean: [], notes: ['Objects, or lists of them: kept as JSON.'] };
  return choose(findings, name, point);
}

async function declared(db: Database, sql: string, type: string): Promise<Typed> {
  const kind = kindOf(type);
  if (kind === 'list') return { type: await withGaps(db, sql, type), kind, clean: [], notes: [] };
  const plain: Typed = { type, kind, clean: [], notes: [] };
  if (kind === 'bool' || kind === 'uuid' || kind === 'text') return plain;
  const [[least, greatest, isNegative] = []] = await db.rows(
    `SELECT CAST(min(${sql}) AS VARCHAR), CAST(max(${sql}) AS VARCHAR), CAST(min(${sql}) AS VARCHAR) LIKE '-%' FROM ${SAMPLE}`,
  );
  return !least || !greatest ? plain : { ...plain, range: [least, greatest], isNegative: isNegative === 'true' };
}

/** Lists of Parquet may have nothing in a place. */
async function withGaps(db: Database, sql: string, type: string): Promise<string> {
  const [[hasGaps] = []] = await db.rows(
    `SELECT coalesce(bool_or(len(list_filter(${sql}, x -> x IS NULL)) > 0), false) FROM ${SAMPLE}`,
  );
  const [, of = ''] = /^Array\((.*)\)$/.exec(type) ?? [];
  return hasGaps === 'true' && !of.startsWith('Array(') ? `Array(Nullable(${of}))` : type;
}

/** Elements have no steps of cleaning: what needs some stays text. */
async function listOf(db: Database, sql: string, name: string, point: Point): Promise<Typed> {
  const elements = `SELECT unnest(from_json(${sql}, '["VARCHAR"]')) AS t FROM ${SAMPLE}`;
  const findings = await findInTexts(db, elements, true);
  const chosen = choose(findings, name, point);
  const isPlain = chosen.clean.length === 0 && findings.padded + findings.blank + findings.wordRows === 0;
  const of = isPlain ? chosen.type : 'String';
  const [[gaps] = []] = await db.rows(`SELECT count(*) - count(t) FROM (${elements})`);
  const type = `Array(${gaps === '0' ? of : `Nullable(${of})`})`;
  return { type, kind: 'list', clean: [], notes: isPlain ? chosen.notes : [] };
}

function kindOf(type: string): Kind {
  const known = parseColumnType(type);
  switch (known?.kind) {
    case 'integer':
    case 'float':
    case 'decimal':
    case 'bool':
    case 'uuid':
    case 'ip':
    case 'date':
    case 'time':
      return known.kind;
    case 'array':
      return 'list';
    case 'string':
    case 'fixedString':
    case 'enum':
    case 'nullable':
    case 'lowCardinality':
    case undefined:
      return 'text';
  }
}
