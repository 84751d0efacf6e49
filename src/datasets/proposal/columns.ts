import { pointOf, type Point } from './choose.js';
import type { Database } from './database.js';
import { findInTexts, type TextFindings } from './findings.js';
import { columnNames, personalByName, personalByValues } from './names.js';
import { notesOn } from './notes.js';
import type { ColumnProposal } from './proposal.js';
import type { CleaningStep, Typed } from './reading.js';
import { SAMPLE, type SampleColumn, type SampleTable } from './table.js';
import { textOf, typeOf } from './typing.js';

/** A text of so few different ones, each so often, is kept as numbers of a dictionary. */
const MOST_VALUES = 10_000;
const REPEATS = 10;
const FEW_VALUES = 10;
const FEW_REPEATS = 2;

/** What each column of a sample should be. */
export async function proposeColumns(db: Database, table: SampleTable): Promise<ColumnProposal[]> {
  const names = columnNames(table.columns.map(({ from }) => from));
  const found: { column: SampleColumn; name: string; findings: TextFindings }[] = [];
  for (const [index, column] of table.columns.entries()) {
    const source = `SELECT ${textOf(column)} AS t FROM ${SAMPLE}`;
    found.push({ column, name: names[index] ?? '', findings: await findInTexts(db, source, column.holds === 'text') });
  }
  const point = pointOf(
    found.map(({ name, findings: { fits } }) => ({ name, fits })),
    'delimiter' in table.format ? table.format.delimiter : undefined,
  );
  const proposals: ColumnProposal[] = [];
  for (const { column, name, findings } of found)
    proposals.push(await propose(db, table, column, name, findings, point));
  return proposals;
}

async function propose(
  db: Database,
  { format, rows }: SampleTable,
  column: SampleColumn,
  name: string,
  findings: TextFindings,
  point: Point,
): Promise<ColumnProposal> {
  const typed = await typeOf(db, column, name, findings, point);
  const isText = typed.kind === 'text';
  // Of a CSV an empty text is nothing; of JSON it is a text.
  const isBlankNothing = findings.blank > 0 && (!isText || format.type === 'csv' || format.type === 'tsv');
  const nothing = column.holds === 'text' && !isText ? findings.words : [];
  const nullIf = [...(isBlankNothing ? [''] : []), ...nothing];
  const clean: CleaningStep[] = [
    ...(column.holds === 'text' && (findings.padded > 0 || isBlankNothing) ? (['trim'] as const) : []),
    ...(nullIf.length > 0 ? [{ nullIf }] : []),
    ...typed.clean,
  ];
  const missing =
    rows - findings.present + (isBlankNothing ? findings.blank : 0) + (nothing.length > 0 ? findings.wordRows : 0);
  const personal = personalByName(name) ?? (isText ? personalByValues(findings.first) : undefined);
  const isCode = isText && missing < rows && repeats(findings.distinct, rows - missing);
  const proposal = {
    ...{ name, from: column.from, clean, kind: typed.kind, missing, distinct: findings.distinct, sql: column.sql },
    ...{ type: stored(typed, isCode, missing > 0), isNegative: typed.isNegative ?? false },
    ...(typed.kind === 'list' && missing > 0 ? { default: '[]' } : {}),
    ...(typed.range === undefined ? {} : { range: typed.range }),
    ...(personal === undefined ? {} : { personal }),
  };
  return { ...proposal, notes: await notesOn(db, proposal, typed, findings, rows) };
}

function repeats(distinct: number, present: number): boolean {
  if (distinct > MOST_VALUES) return false;
  return present >= distinct * (distinct <= FEW_VALUES ? FEW_REPEATS : REPEATS);
}

function stored({ type, kind }: Typed, isCode: boolean, isNullable: boolean): string {
  if (kind === 'list') return type;
  const bare = isNullable ? `Nullable(${type})` : type;
  return isCode ? `LowCardinality(${bare})` : bare;
}
