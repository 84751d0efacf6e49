import { readFile } from 'node:fs/promises';
import type { DatasetRun } from '../../domain/index.js';
import type { Warehouse } from '../../warehouse/index.js';
import type { Manifest } from '../manifest/schema.js';
import type { Lookup } from '../staging/index.js';
import { identifier, literal } from '../tables/index.js';
import { DatasetError } from './dependencies.js';
import { randomNumber } from './names.js';
import { stagingTables } from './tables.js';

const TIMEOUT_MS = 300_000;
/** Keys that go within a statement; four characters a byte. */
const MOST_KEY_BYTES = 4 * 1024 * 1024;

type Enrichment = Manifest['enrich'][number];

/** Brings a file of keys to ClickHouse, and gives a SELECT of them: one column `key`, a list of texts. */
export type SendKeys = (keys: { path: string; names: readonly string[]; signal: AbortSignal }) => Promise<string>;

/** Puts keys into the table that a run has for them. */
export function keysOfRun(warehouse: Warehouse, run: DatasetRun): SendKeys {
  return async ({ path, names, signal }) => {
    const { keys } = stagingTables(run);
    const batch = randomNumber();
    await warehouse.insertFile({
      sql: `INSERT INTO ${keys} (_batch, key) SELECT ${batch}, [${names.join(', ')}]
        FROM input(${literal(structureOf(names))})`,
      format: 'Parquet',
      path,
      timeoutMs: TIMEOUT_MS,
      signal,
    });
    return `SELECT key FROM ${keys} WHERE _batch = ${batch}`;
  };
}

/** Puts keys into the statement itself, which writes nothing: for few of them. */
export const keysInStatement: SendKeys = async ({ path, names }) => {
  const bytes = await readFile(path);
  if (bytes.length > MOST_KEY_BYTES)
    throw new DatasetError(
      `the keys of a lookup have ${bytes.length} bytes, and at most ${MOST_KEY_BYTES} are asked for at once: ask for fewer rows`,
    );
  const escaped = bytes.toString('hex').replaceAll(/../g, String.raw`\x$&`);
  return `SELECT [${names.join(', ')}] AS key FROM format(Parquet, ${literal(structureOf(names))}, '${escaped}')`;
};

function structureOf(names: readonly string[]): string {
  return names.map((key) => `${key} String`).join(', ');
}

/**
 * Asks ClickHouse for what datasets and images know of keys. Keys go there as texts and are read as the type of the
 * column that they are held against, so that its index is of use; one that is no such value has no match.
 */
export function lookupFor(warehouse: Warehouse, manifest: Manifest, send: SendKeys, signal: AbortSignal): Lookup {
  const types = new Map<string, Promise<Map<string, string>>>();
  return async ({ name, keysPath, answerPath }) => {
    const enrichment = manifest.enrich.find((one) => one.name === name);
    if (enrichment === undefined) throw new Error(`there is no lookup ${name}`);
    const table = tableOf(enrichment);
    const known = types.get(table) ?? columnTypes(warehouse, table);
    types.set(table, known);
    // Awaited before anything else is: a rejection that nobody waits for ends the process.
    const typesOfTable = await known;
    const names = Object.keys(enrichment.on).map((_, index) => `k${index}`);
    const keys = await send({ path: keysPath, names, signal });
    await warehouse.selectIntoFile({
      sql: answer(enrichment, { table, types: typesOfTable, keys }),
      format: 'Parquet',
      path: answerPath,
      timeoutMs: TIMEOUT_MS,
      signal,
    });
  };
}

function tableOf({ lookup }: Enrichment): string {
  if ('dataset' in lookup) return lookup.dataset;
  if ('table' in lookup) return lookup.table.replace(/^penstock\./, '');
  throw new Error('rows of a manifest are looked up where they are');
}

async function columnTypes(warehouse: Warehouse, table: string): Promise<Map<string, string>> {
  const rows = await warehouse.query<{ name: string; type: string }>(
    'SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String}',
    { table },
  );
  if (rows.length === 0) throw new DatasetError(`enrich: there is no ${table} to look anything up in`);
  return new Map(rows.map(({ name, type }) => [name, type]));
}

function answer(
  { name, on, take }: Enrichment,
  { table, types, keys }: { table: string; types: Map<string, string>; keys: string },
): string {
  const typeOf = (column: string): string => {
    const type = types.get(column);
    if (type === undefined) throw new DatasetError(`enrich ${name}: ${table} has no column ${column}`);
    return type.replace(/^LowCardinality\((.*)\)$/, '$1').replace(/^Nullable\((.*)\)$/, '$1');
  };
  const columns = Object.values(on);
  const typed = columns.map(
    (column, index) => `accurateCastOrNull(key[${index + 1}], ${literal(typeOf(column))}) AS c${index}`,
  );
  const wanted = Object.values(take);
  wanted.forEach(typeOf);
  const tuple = (parts: readonly string[]): string => `(${parts.join(', ')})`;
  const places = columns.map((_, index) => `c${index}`);
  return `WITH asked AS (SELECT DISTINCT key, ${typed.join(', ')} FROM (${keys}))
    SELECT ${columns.map((_, index) => `asked.key[${index + 1}] AS k${index}`).join(', ')},
      ${wanted.map((column, index) => `toNullable(toString(known.${identifier(column)})) AS t${index}`).join(', ')}
    FROM asked INNER JOIN (
      SELECT ${[...new Set([...columns, ...wanted])].map(identifier).join(', ')} FROM ${identifier(table)}
      WHERE ${tuple(columns.map(identifier))} IN (SELECT ${places.join(', ')} FROM asked)
    ) AS known ON ${columns.map((column, index) => `asked.c${index} = known.${identifier(column)}`).join(' AND ')}`;
}
