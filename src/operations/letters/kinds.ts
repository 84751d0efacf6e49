import type { DeadLetter } from '../../domain/index.js';
import type { LetterPlace } from '../../warehouse/index.js';

/** What was refused, by who refused it. */
export type LetterKind = 'body' | 'record' | 'row';

export const LETTER_SOURCES: Readonly<Record<LetterKind, DeadLetter['source']>> = {
  body: 'intake',
  record: 'dispatcher',
  row: 'sink',
};

export function isLetterKind(text: string): text is LetterKind {
  return Object.hasOwn(LETTER_SOURCES, text);
}

/** The kind of a letter; the name of the source for one that this release does not know. */
export function kindOf(source: string): string {
  return Object.entries(LETTER_SOURCES).find(([, of]) => of === source)?.[0] ?? source;
}

/** What a letter is placed by. Letters that come or go meanwhile move no other across it. */
export function placeOf({ received_at, id }: { received_at: string; id: string }): LetterPlace {
  return { receivedAtMs: Date.parse(received_at), id };
}

/** The place of the last letter of a page, as a text. */
export function cursorOf({ receivedAtMs, id }: LetterPlace): string {
  return Buffer.from(`${receivedAtMs} ${id}`).toString('base64url');
}

/** Undefined for a text that is the end of no page. */
export function readCursor(text: string): LetterPlace | undefined {
  const [, time, id] = /^(\d{1,15}) (.{8,64})$/s.exec(Buffer.from(text, 'base64url').toString('utf8')) ?? [];
  return time === undefined || id === undefined ? undefined : { receivedAtMs: Number(time), id };
}
