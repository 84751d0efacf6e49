import {
  wholeLetters,
  type LetterFilter,
  type LetterPlace,
  type Warehouse,
  type WholeLetter,
} from '../../warehouse/index.js';
import { placeOf } from './kinds.js';

/** Which letters are to be decided about: those with these ids, or the open ones of a filter. */
export type Choice = { ids: readonly string[] } | { filter: LetterFilter };

/** Letters that are read at once: each may have 64 KiB. */
const PAGE = 50;

/** Pages of the chosen letters, the latest first, at most `limit` in all. */
export async function* chosenLetters(
  warehouse: Warehouse,
  choice: Choice,
  limit: number,
): AsyncGenerator<WholeLetter[], void, undefined> {
  const filter = 'ids' in choice ? choice : choice.filter;
  let after: LetterPlace | undefined;
  for (let left = limit; left > 0;) {
    const asked = Math.min(PAGE, left);
    const page = await wholeLetters(warehouse, filter, { limit: asked, after });
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    if (page.length < asked) return;
    after = placeOf(last);
    left -= page.length;
  }
}
