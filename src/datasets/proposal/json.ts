import { isObject } from './shape.js';

/** Records of a JSON file, and where in it they are. */
export interface JsonRecords {
  /** Path of the list; undefined: the file is the list. */
  path?: string;
  records: Iterable<unknown>;
  nextPage?: { path: string; isAddress: boolean };
}

/** Values of a text with one a line; undefined for a line that is no JSON. */
export function* linesOfJson(text: string): Generator {
  for (let at = 0; at < text.length;) {
    const end = text.indexOf('\n', at);
    const line = text.slice(at, end < 0 ? text.length : end).trim();
    at = end < 0 ? text.length : end + 1;
    if (line !== '') yield parseExact(line);
  }
}

/** Elements of a text that is a list, as far as it goes: the last may be cut. Undefined for one that is no JSON. */
export function* elementsOfJson(text: string): Generator {
  let depth = 0;
  let start = -1;
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '"') at = stringEnd(text, at);
    else if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') depth -= 1;
    const isEnd = depth === 0 || (depth === 1 && character === ',');
    if (start >= 0 && isEnd) {
      const element = text.slice(start, at).trim();
      if (element !== '') yield parseExact(element);
      start = -1;
    }
    if (depth === 0 && character === ']') return;
    if (start < 0 && depth === 1) start = at + 1;
  }
}

/** The longest list of objects in a document, nearest to its root. */
export function recordsWithin(document: unknown): JsonRecords | undefined {
  const lists = listsIn(document, []).toSorted(
    (a, b) => b.list.length - a.list.length || a.path.length - b.path.length,
  );
  const [found] = lists;
  if (found === undefined) return undefined;
  const nextPage = nextIn(document, []);
  return { path: found.path.join('.'), records: found.list, ...(nextPage === undefined ? {} : { nextPage }) };
}

const DEPTH = 4;

function listsIn(value: unknown, path: string[]): { path: string[]; list: unknown[] }[] {
  if (Array.isArray(value)) return value.length > 0 && value.every(isObject) ? [{ path, list: value }] : [];
  if (!isObject(value) || path.length >= DEPTH) return [];
  return Object.entries(value)
    .filter(([key]) => !key.includes('.'))
    .flatMap(([key, below]) => listsIn(below, [...path, key]));
}

function nextIn(value: unknown, path: string[]): JsonRecords['nextPage'] {
  if (!isObject(value) || path.length >= DEPTH) return undefined;
  for (const [key, below] of Object.entries(value)) {
    const isNext = /^next|next_?(?:page|cursor|token|link|url)?$|^cursor$/i.test(key);
    if (isNext && typeof below === 'string' && below !== '')
      return { path: [...path, key].join('.'), isAddress: /^(?:https?:\/\/|\/)/.test(below) };
    const deeper = nextIn(below, [...path, key]);
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}

/** Parses a JSON whose numbers stay the texts that they are; undefined where it is none. */
export function parseExact(json: string): unknown {
  try {
    const value: unknown = JSON.parse(numbersAsTexts(json));
    return value;
  } catch {
    return undefined;
  }
}

const QUOTE = 34;
const PLUS = 43;
const MINUS = 45;
const POINT = 46;
const CAPITAL_E = 69;
const SMALL_E = 101;

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function numbersAsTexts(json: string): string {
  const parts: string[] = [];
  let from = 0;
  for (let at = 0; at < json.length;) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) at = stringEnd(json, at) + 1;
    else if (code === MINUS || isDigit(code)) {
      const end = numberEnd(json, at);
      parts.push(json.slice(from, at), `"${json.slice(at, end)}"`);
      at = from = end;
    } else at += 1;
  }
  parts.push(json.slice(from));
  return parts.join('');
}

/** Where the string ends that begins at `start`; the end of the text where it does not. */
function stringEnd(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charAt(end - 1 - slashes) === '\\') slashes += 1;
    if (slashes % 2 === 0) return end;
  }
  return text.length;
}

function numberEnd(text: string, start: number): number {
  let end = start + 1;
  for (let code = text.charCodeAt(end); isOfNumber(code); code = text.charCodeAt(end)) end += 1;
  return end;
}

function isOfNumber(code: number): boolean {
  return isDigit(code) || [POINT, PLUS, MINUS, SMALL_E, CAPITAL_E].includes(code);
}
