import type { JsonReader } from './jsonReader.js';
import { OPEN_BRACE, OPEN_BRACKET, QUOTE } from './jsonScan.js';

const MOST_KEYS = 20;

/**
 * Reads up to the records of a document: behind the bracket that opens their list, or before the object that is the only
 * one. Throws InputError where the path leads to nothing, or to no list.
 */
export async function findRecords(reader: JsonReader, path: readonly string[]): Promise<'first' | 'only'> {
  for (const [depth, key] of path.entries()) {
    if (!(await reader.takes(OPEN_BRACE))) throw await noObject(reader, path, depth);
    const passed: string[] = [];
    for (let isFirst = true; ; isFirst = false) {
      const found = await reader.key(isFirst);
      if (found === key) break;
      if (found === undefined)
        throw reader.failure(`no records at '${path.join('.')}': ${placeOf(path, depth)} has ${listed(passed)}`);
      passed.push(found);
      await reader.skip();
    }
  }
  if (await reader.takes(OPEN_BRACKET)) return 'first';
  const byte = await reader.peek();
  if (byte === OPEN_BRACE && path.length === 0) return 'only';
  throw reader.failure(`no list of records: ${placeOf(path, path.length)} is ${await whatIs(reader)}`);
}

/** Reads from behind the list to the end of the document. Throws InputError where more records might be. */
export async function leaveRecords(reader: JsonReader, path: readonly string[]): Promise<void> {
  for (const key of path.toReversed()) {
    for (let found = await reader.key(false); found !== undefined; found = await reader.key(false)) {
      if (found === key) throw reader.failure(`the records at '${path.join('.')}' are there twice`);
      await reader.skip();
    }
  }
  if ((await reader.peek()) !== undefined) throw reader.unexpected('the end (one record a line is ndjson)');
}

async function noObject(reader: JsonReader, path: readonly string[], depth: number): Promise<Error> {
  return reader.failure(`no records at '${path.join('.')}': ${placeOf(path, depth)} is ${await whatIs(reader)}`);
}

function placeOf(path: readonly string[], depth: number): string {
  return depth === 0 ? 'the document' : `'${path.slice(0, depth).join('.')}'`;
}

/** What a value is, for an error. */
async function whatIs(reader: JsonReader): Promise<string> {
  const byte = await reader.peek();
  if (byte === undefined) return 'empty';
  if (byte === OPEN_BRACKET) return 'a list';
  if (byte === QUOTE) return 'a text';
  if (byte !== OPEN_BRACE) return 'no object and no list';
  await reader.takes(OPEN_BRACE);
  const keys: string[] = [];
  for (let key = await reader.key(true); key !== undefined && keys.length <= MOST_KEYS; key = await reader.key(false)) {
    keys.push(key);
    await reader.skip();
  }
  return `an object with ${listed(keys)}`;
}

function listed(keys: readonly string[]): string {
  if (keys.length === 0) return 'no keys';
  const told = keys.slice(0, MOST_KEYS).map((key) => `'${key.slice(0, 100)}'`);
  return `the keys ${told.join(', ')}${keys.length > MOST_KEYS ? ' and more' : ''}`;
}
