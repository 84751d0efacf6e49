/** An answer in JSON: parsed to look at it, and its text, in which numbers are as they were written. */
export interface JsonAnswer {
  text: string;
  value: unknown;
}

/** A value within an answer. */
export interface Found {
  value: unknown;
  /** As it is written. */
  raw: string;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE = 0x7b;
const END_OF_BRACE = 0x7d;
const BRACKET = 0x5b;
const END_OF_BRACKET = 0x5d;

/** Undefined where the body is no JSON. A byte order mark before it is left out. */
export function parseJson(body: Buffer): JsonAnswer | undefined {
  const text = body.toString('utf8').replace(/^\uFEFF/, '');
  try {
    return { text, value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

/**
 * The value at a path: keys with dots between them, numbers for places in a list; undefined where there is none. A key may
 * itself have dots, as in OData's `@odata.nextLink`: of several readings the one with the longest first key is taken.
 */
export function findAt({ text, value }: JsonAnswer, path: string | undefined): Found | undefined {
  const keys: string[] = [];
  let rest = path === undefined ? [] : path.split('.');
  let found = value;
  while (rest.length > 0) {
    const fitting = firstKey(found, rest);
    if (fitting === undefined) return undefined;
    keys.push(fitting.key);
    found = fitting.value;
    rest = rest.slice(fitting.parts);
  }
  return { value: found, raw: rawAt(text, keys) };
}

function firstKey(value: unknown, path: readonly string[]): { key: string; parts: number; value: unknown } | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  for (let parts = Array.isArray(value) ? 1 : path.length; parts > 0; parts -= 1) {
    const key = path.slice(0, parts).join('.');
    const isPlace = !Array.isArray(value) || /^(?:0|[1-9]\d*)$/.test(key);
    if (isPlace && Object.hasOwn(value, key)) return { key, parts, value: Reflect.get(value, key) as unknown };
  }
  return undefined;
}

/** Text of the value under these keys, in JSON that is known to be valid. */
function rawAt(text: string, keys: readonly string[]): string {
  let at = skipSpace(text, 0);
  for (const key of keys) at = text[at] === '[' ? startOfElement(text, at, Number(key)) : startOfMember(text, at, key);
  return text.slice(at, endOf(text, at));
}

function startOfElement(text: string, list: number, index: number): number {
  let at = skipSpace(text, list + 1);
  for (let passed = 0; passed < index; passed += 1) at = skipSpace(text, skipSpace(text, endOf(text, at)) + 1);
  return at;
}

/** Of a key that is there more than once the last counts, as in JSON.parse. */
function startOfMember(text: string, object: number, key: string): number {
  let found = object;
  let at = skipSpace(text, object + 1);
  while (text[at] === '"') {
    const end = endOf(text, at);
    const isIt = JSON.parse(text.slice(at, end)) === key;
    at = skipSpace(text, skipSpace(text, end) + 1);
    if (isIt) found = at;
    at = skipSpace(text, endOf(text, at));
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return found;
}

/** Behind the value that begins here. By codes of characters: a list may have 64 MiB, and other work waits meanwhile. */
function endOf(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === QUOTE) return endOfString(text, start);
  if (first !== BRACE && first !== BRACKET) return match(/[^\s,\]}]*/y, text, start);
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at) - 1;
    else if (code === BRACE || code === BRACKET) depth += 1;
    else if ((code === END_OF_BRACE || code === END_OF_BRACKET) && (depth -= 1) === 0) return at + 1;
  }
  return text.length;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  for (let code = text.charCodeAt(at); code !== QUOTE && at < text.length; code = text.charCodeAt(at))
    at += code === BACKSLASH ? 2 : 1;
  return at + 1;
}

function skipSpace(text: string, at: number): number {
  return match(/\s*/y, text, at);
}

function match(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return at + (pattern.exec(text)?.[0].length ?? 0);
}
