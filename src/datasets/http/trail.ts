import { createHash } from 'node:crypto';

/** The latest marks that are kept, beside one that is older. */
const MOST_RECENT = 12;

/** SHA-256, in hex. */
export function hashOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/**
 * Marks of what was seen, in order: contents of pages, or where their links led. Kept are the last twelve, and before them
 * the one of the greatest power of two so far. As in Brent's search for cycles that one is met again in any cycle, however
 * long, in at most three times as many pages as it and what came before it have.
 */
export type Trail = readonly string[];

/** The trail with one more mark, or the number of the earlier one that it equals. `index` is the number of the mark, from 0. */
export function extendTrail(trail: Trail, mark: string, index: number): { trail: string[] } | { repeats: number } {
  const [milestone, ...recent] = trail;
  const place = recent.lastIndexOf(mark);
  if (place >= 0) return { repeats: index - recent.length + place };
  if (mark === milestone) return { repeats: index <= 1 ? 0 : 2 ** Math.floor(Math.log2(index - 1)) };
  const isMilestone = milestone === undefined || (index & (index - 1)) === 0;
  return {
    trail: [isMilestone ? mark : milestone, ...recent, mark].toSpliced(1, Math.max(0, recent.length + 1 - MOST_RECENT)),
  };
}
