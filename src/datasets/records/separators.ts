import type { DatasetFormat } from '../manifest/format.js';
import type { Separators } from './separatedScan.js';

export type SeparatedFormat = Extract<DatasetFormat, { type: 'csv' | 'tsv' }>;

/** Bytes that separate what a format says. Throws TypeError for what is no character of ASCII, or both. */
export function separatorsOf(format: SeparatedFormat): Separators {
  const told = format.delimiter ?? (format.type === 'csv' ? ',' : '\t');
  const delimiter = byteOf(told === String.raw`\t` ? '\t' : told, 'delimiter');
  const quote = format.quote === '' ? -1 : byteOf(format.quote, 'quote');
  if (delimiter === quote) throw new TypeError(`format.quote: '${format.quote}' is the delimiter`);
  return { delimiter, quote };
}

function byteOf(character: string, key: string): number {
  const byte = character.length === 1 ? character.charCodeAt(0) : 0;
  if (byte === 0 || byte > 127 || byte === 10 || byte === 13)
    throw new TypeError(`format.${key}: '${character}' should be one character of ASCII, and end no line`);
  return byte;
}
