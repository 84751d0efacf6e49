import { isNullable, parseColumnType, type ColumnType } from '../manifest/columnType.js';
import type { DatasetColumn } from '../manifest/columns.js';
import type { SchemaPolicy } from '../manifest/rules.js';
import { clean, shownNot, shownText } from './cleaning.js';
import type { Session } from './engine.js';
import { StagingError } from './errors.js';
import { Pipeline } from './pipeline.js';
import { all, identifier, literal } from './sql.js';
import { familyOf, type Family } from './types/index.js';

/** Words for machines that begin a fault. One that makes the run fail has a ! before it. */
export type Reason =
  | 'BAD_VALUE'
  | 'CHECK'
  | 'EXPRESSION'
  | 'LOOKUP_MISSING'
  | 'LOOKUP_SEVERAL'
  | 'MALFORMED'
  | 'MISSING_VALUE'
  | 'NEW_COLUMNS';

/** SQL of what is wrong with a row: NULL, or a reason, a space and a sentence. */
export interface Fault {
  sql: string;
  /** The column, the lookup or the check; empty where it is the whole row. */
  subject: string;
}

/** SQL that is true of a row that lands all the same, and is counted. */
export interface Note {
  sql: string;
  kind: 'dropped' | 'warned';
  name: string;
}

/** A column in the pipeline. */
export interface PlannedColumn {
  column: DatasetColumn;
  type: ColumnType;
  family: Family;
  /** SQL of its value; NULL where there is nothing. */
  value: string;
  faults: Fault[];
  notes: Note[];
  isPersonal: boolean;
}

export interface ColumnText {
  text: string;
  /** Sentence about a value that has no text. */
  fault?: string;
  /** Faults of the column itself that come before any of its type. */
  before?: Fault[];
  /** Faults count only where this is true. */
  guards?: string[];
}

/** Cleans a column's text, reads it as the column's type, and says what is wrong with it. */
export async function planColumn(
  column: DatasetColumn,
  from: ColumnText,
  policy: SchemaPolicy['badValues'],
  isPersonal: boolean,
  pipeline: Pipeline,
  session: Session,
): Promise<PlannedColumn> {
  const { name } = column;
  const type = typeOf(column);
  const shown = isPersonal ? shownNot : shownText;
  await checkSteps(column, session);
  const { text, fault, reading } = clean(from.text, column.clean ?? [], type, shown, pipeline);
  const family = familyOf(type, reading);
  const read = family.read(text, shown(text), pipeline);
  const refusals = [from.fault, fault].filter((one) => one !== undefined);
  const refused = refusals.length === 0 ? 'NULL' : pipeline.name(`COALESCE(${[...refusals, 'NULL'].join(', ')})`);
  const isBad = `(${text} IS NOT NULL OR ${refused} IS NOT NULL)`;
  const isDropped = policy === 'null' && isNullable(type);
  const bad = `concat(${literal(`${policy === 'freeze' ? '!' : ''}BAD_VALUE ${name}: `)}, COALESCE(${refused}, ${read.why}))`;
  const isRequired = column.required ?? !isNullable(type);
  const missing = literal(`MISSING_VALUE ${name}: nothing is there, and it is required`);
  const hasDefault = column.default !== undefined && column.default !== null;
  const whereBad = isDropped ? 'NULL' : bad;
  const whereMissing = hasDefault || (isNullable(type) && !isRequired) ? 'NULL' : missing;
  const guard = all([`${read.value} IS NULL`, ...(from.guards ?? [])]);
  const faults = [...(from.before ?? [])];
  if (whereBad !== 'NULL' || whereMissing !== 'NULL') {
    const told = `CASE WHEN ${guard} THEN CASE WHEN ${isBad} THEN ${whereBad} ELSE ${whereMissing} END END`;
    faults.push({ sql: pipeline.name(told), subject: name });
  }
  const notes: Note[] = isDropped
    ? [{ sql: pipeline.name(`${read.value} IS NULL AND ${isBad}`), kind: 'dropped', name }]
    : [];
  const value = hasDefault
    ? pipeline.name(
        `CASE WHEN ${isBad} THEN ${read.value} ELSE ${await constant(String(column.default), type, `${name}: default`, session)} END`,
      )
    : read.value;
  return { column, type, family, value, faults, notes, isPersonal };
}

/** The type of a column of a manifest that was checked. */
export function typeOf({ name, type }: DatasetColumn): ColumnType {
  const known = parseColumnType(type);
  if (known === undefined) throw new StagingError(`${name}: there is no type ${type}`);
  return known;
}

/** Patterns of the author's that DuckDB can't read are told once, and not by every row. */
async function checkSteps({ name, clean: steps = [] }: DatasetColumn, session: Session): Promise<void> {
  for (const step of steps) {
    if (typeof step !== 'object') continue;
    if ('replace' in step)
      await checkSyntax(
        `regexp_replace('', ${literal(step.replace)}, ${literal(step.with)}, 'g')`,
        `${name}: replace`,
        session,
      );
    if ('time' in step && step.time.format !== undefined)
      await checkSyntax(`try_strptime('', ${literal(step.time.format)})`, `${name}: time.format`, session);
  }
}

/** Throws StagingError that begins with `where`, unless DuckDB can compute the expression. */
export async function checkSyntax(sql: string, where: string, session: Session): Promise<void> {
  await session.run(`SELECT ${sql}`).catch((error: unknown) => {
    throw new StagingError(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  });
}

/** SQL of a value that a manifest writes as a text. Throws StagingError where its type can't hold it. */
export async function constant(text: string, type: ColumnType, where: string, session: Session): Promise<string> {
  const family = familyOf(type);
  const pipeline = new Pipeline();
  const name = identifier('#text');
  const { value, why } = family.read(name, shownText(name), pipeline);
  const sql = pipeline.sql(`SELECT ${literal(text)} AS ${name}`);
  const [found = null, reason = null] =
    (
      await session.rows(`SELECT CAST(${value} AS VARCHAR), CASE WHEN ${value} IS NULL THEN ${why} END FROM (${sql})`)
    )[0] ?? [];
  if (typeof found !== 'string') throw new StagingError(`${where}: ${String(reason)}`);
  return `CAST(${literal(found)} AS ${family.valueType})`;
}
