import { cursorOf, kindOf, placeOf } from '../../operations/index.js';
import { listLetters } from '../../warehouse/index.js';
import { EXIT } from '../verb.js';
import { readAfter, readFilter, readLimit, readState } from './filter.js';
import type { ListFlags } from './index.js';
import { listText } from './text.js';
import { withWarehouse } from '../withWarehouse.js';

/** Lists a page of letters and returns the exit code. */
export async function ls(flags: ListFlags): Promise<number> {
  const filter = readFilter(flags, Date.now());
  const state = readState(flags);
  const limit = readLimit(flags.limit);
  const after = flags.cursor === undefined ? undefined : readAfter(flags.cursor);
  // One more tells that there are others.
  const found = await withWarehouse(flags.dataDir, (warehouse) =>
    listLetters(warehouse, { ...filter, ...(state === undefined ? {} : { state }) }, { limit: limit + 1, after }),
  );
  const letters = found.slice(0, limit).map((letter) => ({ kind: kindOf(letter.source), ...letter }));
  const last = letters.at(-1);
  const next = last === undefined || found.length <= limit ? null : cursorOf(placeOf(last));
  process.stdout.write(flags.json ? `${JSON.stringify({ letters, next }, undefined, 2)}\n` : listText(letters, next));
  return EXIT.ok;
}
