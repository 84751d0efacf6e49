/** What became of one chosen letter. */
export interface LetterOutcome {
  id: string;
  /** `chosen`: would be decided about, but for --dry-run. */
  outcome: 'replayed' | 'discarded' | 'chosen' | 'refused_again' | 'not_sent' | 'not_open' | 'not_found';
  /** Topics that it went to. */
  to: string[];
  why: string | null;
}

export interface DecisionReport {
  dryRun: boolean;
  /** How many letters came to what. */
  counts: Partial<Record<LetterOutcome['outcome'], number>>;
  letters: LetterOutcome[];
  /** --limit was reached: there may be more. */
  limited: boolean;
}

const DONE: ReadonlySet<LetterOutcome['outcome']> = new Set(['replayed', 'discarded', 'chosen']);

export function decisionReport(
  letters: LetterOutcome[],
  { dryRun, limit }: { dryRun: boolean; limit: number },
): DecisionReport {
  const counts: DecisionReport['counts'] = {};
  for (const { outcome } of letters) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return { dryRun, counts, letters, limited: letters.length >= limit };
}

/** Did every letter come to what was asked for? */
export function isWhole({ letters }: DecisionReport): boolean {
  return letters.every(({ outcome }) => DONE.has(outcome));
}

/** Those of the ids that no letter has. */
export function notFound(ids: readonly string[], seen: readonly LetterOutcome[]): LetterOutcome[] {
  const known = new Set(seen.map(({ id }) => id));
  return ids.filter((id) => !known.has(id)).map((id) => ({ id, outcome: 'not_found', to: [], why: null }));
}
