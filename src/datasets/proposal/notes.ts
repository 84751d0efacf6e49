import type { Database } from './database.js';
import type { TextFindings } from './findings.js';
import type { ColumnProposal } from './proposal.js';
import { figure, type Typed } from './reading.js';
import { SAMPLE } from './table.js';

const SHOWN_VALUES = 6;
const SHOWN_CHARACTERS = 40;

/**
 * Sentences on a column, with figures: what is in it, and why it is to be as it is. Of what may be personal no value is
 * shown.
 */
export async function notesOn(
  db: Database,
  proposal: Omit<ColumnProposal, 'notes'>,
  typed: Typed,
  findings: TextFindings,
  rows: number,
): Promise<string[]> {
  const { missing, personal, clean } = proposal;
  if (missing === rows) return ['Nothing is in it in this sample: its type is a guess.'];
  const words = clean.flatMap((step) => (typeof step === 'object' && 'nullIf' in step ? step.nullIf : []));
  return [
    await content(db, proposal, findings, rows),
    typed.example !== undefined && personal === undefined ? `Written like ${shown(typed.example)}.` : '',
    missing > 0 ? `${figure(missing)} of ${figure(rows)} rows ${missing === 1 ? 'has' : 'have'} nothing in it.` : '',
    words.some((word) => word !== '')
      ? `${words
          .filter((word) => word !== '')
          .map(shown)
          .join(', ')}: taken for nothing.`
      : '',
    clean.includes('trim') && findings.padded > 0
      ? findings.padded === 1
        ? 'One has blanks around it.'
        : `${figure(findings.padded)} have blanks around them.`
      : '',
    ...typed.notes,
    typed.exception !== undefined && personal === undefined ? `One that is not: ${shown(typed.exception)}.` : '',
    personal === undefined ? '' : `Looks like ${personal}: if it is of a person, land its hash or nothing.`,
  ].filter((note) => note !== '');
}

/** What it holds, in a few words. */
async function content(
  db: Database,
  { kind, type, range, personal, distinct, sql, missing }: Omit<ColumnProposal, 'notes'>,
  { longest }: TextFindings,
  rows: number,
): Promise<string> {
  const unlike = distinct === rows - missing && rows > 1 && kind !== 'json' && kind !== 'list' ? 'no two alike' : '';
  if (range !== undefined && personal === undefined) return sentence([`${range[0]} to ${range[1]}`, unlike]);
  if (kind !== 'text') return sentence([unlike]);
  if (type.startsWith('LowCardinality') && personal === undefined) return values(db, sql, distinct);
  return sentence([`Texts of at most ${figure(longest)} characters`, unlike || `${figure(distinct)} different ones`]);
}

async function values(db: Database, sql: string, distinct: number): Promise<string> {
  const rows = await db.rows(
    `SELECT trim(CAST(${sql} AS VARCHAR)) AS t FROM ${SAMPLE} WHERE t <> '' GROUP BY t ORDER BY count(*) DESC, t LIMIT ${SHOWN_VALUES}`,
  );
  const told = rows.map(([value]) => shown(value ?? '')).join(', ');
  return `${figure(distinct)} different ${distinct === 1 ? 'text' : 'texts'}: ${told}${distinct > SHOWN_VALUES ? ', …' : ''}.`;
}

function sentence(parts: readonly string[]): string {
  const told = parts.filter((part) => part !== '').join(', ');
  return told === '' ? '' : `${told.charAt(0).toUpperCase()}${told.slice(1)}.`;
}

/** A value in a comment: one line, and short. */
function shown(value: string): string {
  const line = value.replaceAll(/\p{C}/gu, '?');
  return `'${line.length > SHOWN_CHARACTERS ? `${line.slice(0, SHOWN_CHARACTERS)}…` : line}'`;
}
