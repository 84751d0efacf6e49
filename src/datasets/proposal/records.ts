import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { literal } from '../staging/sql.js';
import type { Database } from './database.js';
import { ProposalError } from './errors.js';
import { elementsOfJson, linesOfJson, parseExact, recordsWithin, type JsonRecords } from './json.js';
import type { TextSample } from './sample.js';
import { fieldsOf, isObject, Shape, type Leaf } from './shape.js';
import { columnAt, makeTable, MOST_COLUMNS, type SampleTable } from './table.js';

/** So much is written at a time. */
const BLOCK_CHARACTERS = 1_048_576;
/** Of a text or of JSON so much is looked at; lists are looked at whole, as their elements have types. */
const MOST_FIELD_CHARACTERS = 10_000;
/** Keys that are told of. */
const MOST_TOLD = 10;
const MOST_LINE_BYTES = 16 * 1024 * 1024;

/** Makes the table of NDJSON or JSON: a column for each path. Numbers stay the texts that they are. Throws ProposalError. */
export async function tableOfRecords(
  db: Database,
  sample: TextSample,
  type: 'ndjson' | 'json',
  folder: string,
  most: number,
): Promise<SampleTable> {
  const text = await readFile(sample.path, 'utf8');
  const { path = '', nextPage, ...found } = recordsOf(text, type, sample.isCut);
  const { rows, broken, isCut, ...learned } = learn(found.records(), most);
  if (rows === 0) throw new ProposalError('no records are in it that are objects of JSON');
  const leaves = learned.leaves.filter(isReachable);
  if (leaves.length === 0) throw new ProposalError('its records have no fields that a path reaches');
  if (leaves.length > MOST_COLUMNS)
    throw new ProposalError(`its records have ${leaves.length} fields; a manifest has at most ${MOST_COLUMNS} columns`);
  const flat = join(folder, 'flat.csv');
  await writeFlat(found.records(), leaves, flat, rows);
  await makeTable(db, reading(flat, leaves.length), rows);
  return {
    format: { type, ...(path === '' || type === 'ndjson' ? {} : { records: path }) },
    ...{ rows, isWhole: !isCut && !sample.isCut },
    columns: leaves.map((leaf, index) => ({ from: leaf.path.join('.'), sql: columnAt(index), holds: leaf.holds })),
    notes: [
      ...(broken === 0 ? [] : [`${broken} records are no objects of JSON: a run sets them aside.`]),
      ...learned.leaves
        .filter((leaf) => !isReachable(leaf))
        .slice(0, MOST_TOLD)
        .map(({ path: keys }) => `No path reaches the key '${keys.join("' in '")}': it is left out.`),
    ],
    ...(nextPage === undefined ? {} : { nextPage }),
  };
}

/** A path has points between keys, and brackets around places in lists. */
function isReachable({ path }: Leaf): boolean {
  return path.every((key) => key !== '' && !/[.[\]]/.test(key));
}

/** Records that can be gone through more than once. */
type Records = Omit<JsonRecords, 'records'> & { records: () => Iterable<unknown> };

function recordsOf(text: string, type: 'ndjson' | 'json', isCut: boolean): Records {
  if (type === 'ndjson') return { records: () => linesOfJson(text) };
  if (text.trimStart().startsWith('[')) return { records: () => elementsOfJson(text) };
  if (isCut) throw new ProposalError('one JSON document, and too large to look at: take a smaller sample');
  const document = parseExact(text);
  if (document === undefined) throw new ProposalError('neither JSON nor a JSON value in each line');
  const within = recordsWithin(document);
  // A document without a list is the only record.
  if (within === undefined) return { records: () => [document] };
  return { ...within, records: () => within.records };
}

function learn(
  records: Iterable<unknown>,
  most: number,
): { leaves: Leaf[]; rows: number; broken: number; isCut: boolean } {
  const shape = new Shape();
  let [rows, broken] = [0, 0];
  for (const record of records) {
    if (rows === most) return { leaves: shape.leaves(), rows, broken, isCut: true };
    if (isObject(record)) {
      shape.add(record);
      rows += 1;
    } else broken += 1;
  }
  return { leaves: shape.leaves(), rows, broken, isCut: false };
}

/** Writes records as CSV with every text quoted, so that one that is empty is not nothing; a last field keeps a line from being empty. */
async function writeFlat(
  records: Iterable<unknown>,
  leaves: readonly Leaf[],
  path: string,
  most: number,
): Promise<void> {
  const file = await open(path, 'wx');
  try {
    let block = '';
    let rows = 0;
    for (const record of records) {
      if (!isObject(record)) continue;
      if (rows === most) break;
      rows += 1;
      block += `${fieldsOf(record, leaves)
        .map((field, index) => quoted(field, leaves[index]?.holds === 'list'))
        .join(',')},""\n`;
      if (block.length < BLOCK_CHARACTERS) continue;
      await file.appendFile(block);
      block = '';
    }
    await file.appendFile(block);
  } finally {
    await file.close();
  }
}

function quoted(field: string | null, isList: boolean): string {
  if (field === null) return '';
  const looked = isList ? field : field.slice(0, MOST_FIELD_CHARACTERS);
  // DuckDB reads no NUL.
  return `"${looked.replaceAll('"', '""').replaceAll('\0', '')}"`;
}

function reading(path: string, width: number): string {
  const columns = Array.from({ length: width }, (_, index) => `c${index}: 'VARCHAR'`);
  return `SELECT * FROM read_csv(${literal(path)}, auto_detect = false, header = false, delim = ',', quote = '"', escape = '"',
    columns = {${[...columns, "ending: 'VARCHAR'"].join(', ')}}, allow_quoted_nulls = false, max_line_size = ${MOST_LINE_BYTES}, new_line = '\\n')`;
}
