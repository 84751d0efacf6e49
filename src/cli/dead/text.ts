import type { DecisionReport } from '../../operations/index.js';
import type { DecisionRow, LetterRow, WholeLetter } from '../../warehouse/index.js';
import { plain } from '../plain.js';
import { createTable } from '../table.js';

const DETAIL_SHOWN = 100;
const OUTCOMES_SHOWN = 100;

/** A page of letters as a table for a person. */
export function listText(letters: readonly (LetterRow & { kind: string })[], next: string | null): string {
  if (letters.length === 0) return 'No letter.\n';
  const table = createTable(['received', 'kind', 'reason', 'detail', 'state', 'id']);
  for (const { received_at, kind, reason, detail, state, id } of letters)
    table.push([received_at, kind, reason, plain(shortened(detail)), state, id]);
  return `${table.toString()}\n${next === null ? '' : `There are more: --cursor ${next}\n`}`;
}

/** A letter whole, its body last. */
export function letterText({
  letter,
  decisions,
}: {
  letter: WholeLetter & { kind: string };
  decisions: readonly DecisionRow[];
}): string {
  const { payload, payload_encoding, payload_truncated, record_key, headers } = letter;
  const line = (name: string, value: string): string => `${name.padEnd(9)} ${plain(value)}`;
  const cut = payload_truncated ? ', its beginning' : '';
  return `${[
    line('letter', `${letter.id}, ${letter.kind}, ${letter.state}`),
    line('received', `${letter.received_at}, stored ${letter.stored_at}`),
    line('from', letter.origin),
    line('reason', `${letter.reason}: ${letter.detail}`),
    ...(record_key === null ? [] : [line('key', record_key)]),
    ...Object.entries(headers).map(([name, value]) => line('header', `${name}: ${value}`)),
    ...decisions.map(({ decision, decided_at, who, why }) => line(decision, `${decided_at} by ${who}: ${why}`)),
    '',
    `body (${payload_encoding}${cut}):`,
    plain(payload),
  ].join('\n')}\n`;
}

/** What became of the chosen letters. */
export function decisionText({ dryRun, counts, letters, limited }: DecisionReport): string {
  if (letters.length === 0) return 'No letter.\n';
  const lines = letters.slice(0, OUTCOMES_SHOWN).map(({ id, outcome, to, why }) => {
    const where = to.length === 0 ? '' : ` to ${to.join(', ')}`;
    return `${id} ${words(outcome)}${where}${why === null ? '' : `: ${plain(shortened(why))}`}`;
  });
  if (letters.length > OUTCOMES_SHOWN) lines.push(`… ${letters.length - OUTCOMES_SHOWN} more`);
  const sum = Object.entries(counts).map(([outcome, count]) => `${count} ${words(outcome)}`);
  lines.push(`${sum.join(', ')}${dryRun ? '; nothing was changed (--dry-run)' : ''}`);
  if (limited) lines.push('That is as many as --limit allows: there may be more.');
  return `${lines.join('\n')}\n`;
}

const words = (outcome: string): string => outcome.replaceAll('_', ' ');
const shortened = (text: string): string =>
  text.length > DETAIL_SHOWN ? `${text.slice(0, DETAIL_SHOWN).toWellFormed()}…` : text;
