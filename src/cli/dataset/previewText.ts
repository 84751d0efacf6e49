import type { LandedRow } from '../../datasets/index.js';
import { plain } from '../plain.js';
import { createTable } from '../table.js';
import type { PreviewReport } from './previewReport.js';

/** With more columns each row is a list of its own. */
const MOST_TABLE_COLUMNS = 10;
const VALUE_SHOWN = 40;
const PLACE_SHOWN = 50;
const SENTENCE_SHOWN = 100;
const NAMES_SHOWN = 5;

/** A preview, for a person. */
export function previewText(report: PreviewReport): string {
  const { dataset, read, rows, quarantine, failure, undecided, tableKnown } = report;
  const lines = [
    `${dataset}: ${lookedAt(report)}`,
    ...(read === 0 ? [] : [`${rows.length} would land, ${quarantine.length} would be set aside:`]),
    ...landedLines(report),
    ...(quarantine.length === 0 ? [] : [quarantineTable(report)]),
    ...warningsOf(report).map((warning) => `warning: ${plain(warning)}`),
    ...(failure === null ? [] : [`A run of these rows alone would fail: ${plain(failure)}`]),
    ...(tableKnown ? [] : ['ClickHouse was not reached: which columns the table has is not known.']),
    `Only a run decides: ${undecided.join('; ')}.`,
  ];
  return `${lines.join('\n')}\n`;
}

/** How much it was, and that it is a part. */
function lookedAt({ read, inputs, whole }: PreviewReport): string {
  if (read === 0) return `no row was found${whole ? '' : ' in what was looked at; there may be more'}.`;
  const more = inputs.length > NAMES_SHOWN ? `, and ${inputs.length - NAMES_SHOWN} more` : '';
  const names = `${inputs.slice(0, NAMES_SHOWN).map(plain).join(', ')}${more}`;
  return whole
    ? `all of its ${read} rows, from ${names}.`
    : `its first ${read} rows, from ${names}; there may be more.`;
}

function landedLines({ columns, rows }: PreviewReport): string[] {
  if (rows.length === 0) return [];
  const names = columns.map(({ name }) => name);
  if (names.length > MOST_TABLE_COLUMNS) return rows.flatMap((row) => listOf(row, names));
  const table = createTable(['where', ...names.map(plain)]);
  for (const row of rows) table.push([placeOf(row), ...names.map((name) => shown(row.values[name] ?? null))]);
  return [table.toString()];
}

function listOf(row: LandedRow, names: readonly string[]): string[] {
  return [placeOf(row), ...names.map((name) => `  ${plain(name)}: ${shown(row.values[name] ?? null)}`)];
}

function quarantineTable({ quarantine }: PreviewReport): string {
  const table = createTable(['where', 'reason', 'of', 'why', 'as it came']);
  for (const { reason, subject, detail, raw, ...row } of quarantine)
    table.push([placeOf(row), reason, plain(subject), cut(detail, SENTENCE_SHOWN), cut(raw, SENTENCE_SHOWN)]);
  return table.toString();
}

function warningsOf({ warned, dropped, newColumns: { names, policy } }: PreviewReport): string[] {
  const becomes = {
    ignore: 'are left out',
    evolve: 'would be added to the table as Nullable(String)',
    quarantine: 'set the rows aside that have something in them',
    freeze: 'make a run fail',
  }[policy];
  return [
    ...Object.entries(dropped).map(
      ([column, count]) => `${count} of the values of ${column} would be dropped: its type can not hold them`,
    ),
    ...Object.entries(warned).map(([check, count]) => `${count} of the rows that would land break the check ${check}`),
    ...(names.length === 0
      ? []
      : [`the source has columns that the manifest does not name, which ${becomes}: ${names.join(', ')}`]),
  ];
}

/** The end of a long name tells files and pages apart. */
function placeOf({ source, line }: { source: string; line: number }): string {
  const short = source.length > PLACE_SHOWN ? `…${source.slice(-PLACE_SHOWN).toWellFormed()}` : source;
  return `${plain(short)}:${line}`;
}

/** Nothing is told from a text that is empty, or says NULL. */
function shown(value: string | null): string {
  if (value === null) return 'NULL';
  return value === '' || value === 'NULL' ? `'${value}'` : cut(value, VALUE_SHOWN);
}

/** On one line. */
function cut(text: string, most: number): string {
  const short = text.length > most ? `${text.slice(0, most).toWellFormed()}…` : text;
  return plain(short)
    .replaceAll('\n', String.raw`\n`)
    .replaceAll('\t', String.raw`\t`);
}
