import { periodic } from './periodic.js';

/** Recomputes the rollups of the hours that were touched; with `verify` also those whose count differs. By schedule. */
export async function rollUp(input: { verify: boolean }): Promise<{ hours: number }> {
  return periodic.rollUp(input);
}
