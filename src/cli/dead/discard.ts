import { recordDecisions, type WholeLetter } from '../../warehouse/index.js';
import { EXIT, UsageError } from '../verb.js';
import { who } from '../who.js';
import { chosenLetters, limitOf, readChoice } from './chosen.js';
import { readFilter } from './filter.js';
import type { DecideFlags } from './index.js';
import { decisionReport, isWhole, notFound, type LetterOutcome } from './report.js';
import { decisionText } from './text.js';
import { withLetters } from './withLetters.js';

/** Longest that the insert of a page of decisions may take. */
export const INSERT_MS = 30_000;

/** Records that letters are to be left alone, by whom and why, and returns the exit code. */
export async function discard(ids: readonly string[], flags: DecideFlags): Promise<number> {
  const why = (flags.why ?? '').trim();
  if (why === '') throw new UsageError('--why: a reason that is worth reading');
  const choice = readChoice(ids, readFilter(flags, Date.now()));
  const limit = limitOf(choice, flags.limit);
  const dryRun = flags.dryRun === true;
  const letters: LetterOutcome[] = [];
  await withLetters(flags, async (warehouse) => {
    for await (const page of chosenLetters(warehouse, choice, limit)) {
      const open = page.filter(({ state }) => state === 'open');
      const decisions = open.map((letter) => ({ ...decision(letter, why), decision: 'discarded' as const }));
      if (!dryRun) await recordDecisions(warehouse, decisions, INSERT_MS);
      for (const { id, state } of page) {
        const outcome = state !== 'open' ? 'not_open' : dryRun ? 'chosen' : 'discarded';
        letters.push({ id, outcome, to: [], why: state === 'open' ? null : `already ${state}` });
      }
    }
  });
  if ('ids' in choice) letters.push(...notFound(choice.ids, letters));
  const report = decisionReport(letters, { dryRun, limit });
  process.stdout.write(flags.json ? `${JSON.stringify(report, undefined, 2)}\n` : decisionText(report));
  return isWhole(report) ? EXIT.ok : EXIT.failed;
}

/** A decision of whoever runs this, now. */
export function decision({ id, received_at }: WholeLetter, why: string) {
  return {
    letterId: id,
    letterReceivedAtMs: Date.parse(received_at),
    decidedAtMs: Date.now(),
    who: who(),
    why: why.slice(0, 1_000),
  };
}
