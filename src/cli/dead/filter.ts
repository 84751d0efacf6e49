import { DEAD_LETTER_REASONS } from '../../domain/index.js';
import { isLetterKind, LETTER_SOURCES, readCursor, type Choice } from '../../operations/index.js';
import type { LetterFilter, LetterPlace, LetterState } from '../../warehouse/index.js';
import { parseSince } from '../duration.js';
import { UsageError } from '../verb.js';
import type { FilterFlags, ListFlags } from './index.js';

const STATES: readonly LetterState[] = ['open', 'replayed', 'discarded'];
const MOST = 10_000;

/** The filters of a command line. Throws UsageError that names the one that can't be. */
export function readFilter({ kind, reason, topic, since }: FilterFlags, nowMs: number): LetterFilter {
  if (kind !== undefined && !isLetterKind(kind)) throw new UsageError(`--kind '${kind}': body, record or row`);
  if (reason !== undefined && !Object.hasOwn(DEAD_LETTER_REASONS, reason))
    throw new UsageError(`--reason '${reason}': one of ${Object.keys(DEAD_LETTER_REASONS).join(', ')}`);
  return {
    ...(kind === undefined ? {} : { source: LETTER_SOURCES[kind] }),
    ...(reason === undefined ? {} : { reason }),
    ...(topic === undefined ? {} : { topic }),
    ...(since === undefined ? {} : { sinceMs: parseSince(since, '--since', nowMs) }),
  };
}

/** Of which state; undefined: of every one. */
export function readState({ state, all }: Pick<ListFlags, 'state' | 'all'>): LetterState | undefined {
  if (all) return undefined;
  const known = STATES.find((one) => one === state);
  if (known === undefined) throw new UsageError(`--state '${state ?? ''}': ${STATES.join(', ')}`);
  return known;
}

export function readLimit(text: string): number {
  return readCount('--limit', text, MOST);
}

/** A whole number from 1 to `most`. */
export function readCount(option: string, text: string, most: number): number {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > most) throw new UsageError(`${option} '${text}': a whole number from 1 to ${most}`);
  return count;
}

/** Where the page after this one begins. Throws UsageError for what is the end of none. */
export function readAfter(text: string): LetterPlace {
  const place = readCursor(text);
  if (place === undefined) throw new UsageError(`--cursor '${text}': the end of no page`);
  return place;
}

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
