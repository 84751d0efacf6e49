import {
  wholeLetters,
  type LetterFilter,
  type LetterPlace,
  type Warehouse,
  type WholeLetter,
} from '../../warehouse/index.js';
import { UsageError } from '../verb.js';
import { placeOf, readLimit } from './filter.js';

/** Which letters a verb is to decide about: those with these ids, or the open ones of a filter. */
export type Choice = { ids: readonly string[] } | { filter: LetterFilter };

/** Letters that are read at once: each may have 64 KiB. */
const PAGE = 50;

/** Throws UsageError unless either letters or filters are named: nobody decides about all letters by an empty line. */
export function readChoice(ids: readonly string[], filter: LetterFilter): Choice {
  const isFiltered = Object.keys(filter).length > 0;
  if (ids.length > 0 && isFiltered) throw new UsageError('either ids or filters, not both');
  if (ids.length > 0) return { ids: [...new Set(ids)] };
  if (!isFiltered) throw new UsageError('name letters, or choose them with --kind, --reason, --topic or --since');
  return { filter: { ...filter, state: 'open' } };
}

/** Most letters that are decided about: the command line bounds the ids, --limit what filters choose. */
export function limitOf(choice: Choice, limit: string): number {
  const most = readLimit(limit);
  return 'ids' in choice ? choice.ids.length + 1 : most;
}

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
