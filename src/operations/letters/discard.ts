import { recordDecisions, type DeadLetterDecision, type Warehouse, type WholeLetter } from '../../warehouse/index.js';
import { chosenLetters, type Choice } from './chosen.js';
import { notFound, type LetterOutcome } from './report.js';

/** Longest that the insert of a page of decisions may take. */
export const INSERT_MS = 30_000;

/** Who decides, and why: both are kept with the decision. */
export interface Decider {
  who: string;
  why: string;
}

export interface DecisionOptions extends Decider {
  /** Most letters that are decided about. */
  limit: number;
  /** Says what would become of each, and changes nothing. */
  dryRun: boolean;
}

/** Records that letters are to be left alone. One that somebody has decided about is left as it is. */
export async function discardLetters(
  warehouse: Warehouse,
  choice: Choice,
  { limit, dryRun, ...decider }: DecisionOptions,
): Promise<LetterOutcome[]> {
  const letters: LetterOutcome[] = [];
  for await (const page of chosenLetters(warehouse, choice, limit)) {
    const open = page.filter(({ state }) => state === 'open');
    const decisions = open.map((letter) => decision(letter, decider, 'discarded'));
    if (!dryRun) await recordDecisions(warehouse, decisions, INSERT_MS);
    for (const { id, state } of page) {
      const outcome = state !== 'open' ? 'not_open' : dryRun ? 'chosen' : 'discarded';
      letters.push({ id, outcome, to: [], why: state === 'open' ? null : `already ${state}` });
    }
  }
  return 'ids' in choice ? [...letters, ...notFound(choice.ids, letters)] : letters;
}

/** A decision that is made now. */
export function decision(
  { id, received_at }: WholeLetter,
  { who, why }: Decider,
  what: DeadLetterDecision['decision'],
): DeadLetterDecision {
  return {
    letterId: id,
    letterReceivedAtMs: Date.parse(received_at),
    decidedAtMs: Date.now(),
    who: who.slice(0, 200),
    why: why.slice(0, 1_000),
    decision: what,
  };
}
