import type { DatasetFormat } from '../manifest/format.js';
import { begins } from './sample.js';

export type FormatType = DatasetFormat['type'];

/** Parquet says what it is. */
export function isParquet(firstBytes: Buffer): boolean {
  return begins(firstBytes, [...Buffer.from('PAR1')]);
}

/** How a text is written: by how it begins, and where that can be two things, by its name. */
export function textFormat(head: string, name: string): Exclude<FormatType, 'parquet'> {
  const text = head.trimStart();
  if (text.startsWith('[')) return 'json';
  if (text.startsWith('{')) return isLines(text, name) ? 'ndjson' : 'json';
  return /\.(?:tsv|tab)(?:\.|$)/i.test(name) ? 'tsv' : 'csv';
}

/** One value a line: the first line is a whole one, and more follow, or the name says so. */
function isLines(text: string, name: string): boolean {
  if (/\.(?:ndjson|jsonl)(?:\.|$)/i.test(name)) return true;
  const end = text.indexOf('\n');
  return end > 0 && text.slice(end).trim() !== '' && isJson(text.slice(0, end));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
