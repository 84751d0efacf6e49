import { DEAD_LETTER_REASONS, type DeadLetter } from '../../domain/index.js';
import type { LetterFilter, LetterPlace, LetterState } from '../../warehouse/index.js';
import { parseSince } from '../duration.js';
import { UsageError } from '../verb.js';
import type { FilterFlags, ListFlags } from './index.js';

/** What was refused, by who refused it. */
export type LetterKind = 'body' | 'record' | 'row';

const SOURCES: Readonly<Record<LetterKind, DeadLetter['source']>> = {
  body: 'intake',
  record: 'dispatcher',
  row: 'sink',
};
const STATES: readonly LetterState[] = ['open', 'replayed', 'discarded'];
const MOST = 10_000;

/** The kind of a letter; the name of the source for one that this release does not know. */
export function kindOf(source: string): string {
  return Object.entries(SOURCES).find(([, of]) => of === source)?.[0] ?? source;
}

/** The filters of a command line. Throws UsageError that names the one that can't be. */
export function readFilter({ kind, reason, topic, since }: FilterFlags, nowMs: number): LetterFilter {
  if (kind !== undefined && !isKind(kind)) throw new UsageError(`--kind '${kind}': body, record or row`);
  if (reason !== undefined && !Object.hasOwn(DEAD_LETTER_REASONS, reason))
    throw new UsageError(`--reason '${reason}': one of ${Object.keys(DEAD_LETTER_REASONS).join(', ')}`);
  return {
    ...(kind === undefined ? {} : { source: SOURCES[kind] }),
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

/** What a letter is placed by. Letters that come or go meanwhile move no other across it. */
export function placeOf({ received_at, id }: { received_at: string; id: string }): LetterPlace {
  return { receivedAtMs: Date.parse(received_at), id };
}

/** The place of the last letter of a page, as a text for the command line. */
export function cursorOf({ receivedAtMs, id }: LetterPlace): string {
  return Buffer.from(`${receivedAtMs} ${id}`).toString('base64url');
}

export function readCursor(text: string): LetterPlace {
  const [, time, id] = /^(\d{1,15}) (.{8,64})$/s.exec(Buffer.from(text, 'base64url').toString('utf8')) ?? [];
  if (time === undefined || id === undefined) throw new UsageError(`--cursor '${text}': the end of no page`);
  return { receivedAtMs: Number(time), id };
}

function isKind(text: string): text is LetterKind {
  return Object.hasOwn(SOURCES, text);
}
