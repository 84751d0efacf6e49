import type { DatasetPlan, DatasetRun, LoadedBucket, SettledRun } from '../../domain/index.js';
import { WarehouseError } from '../../warehouse/index.js';
import type { Manifest } from '../manifest/schema.js';
import { identifier, literal, storageName } from '../tables/index.js';
import type { DatasetDependencies } from './dependencies.js';
import { recordLoads } from './loads.js';
import { runManifest } from './manifests.js';
import { digits } from './names.js';
import { Scope, SPILL } from './scope.js';
import { rowColumns } from './tableColumns.js';
import { stagingTable } from './tables.js';

/** A block that touches more partitions of the table is refused by ClickHouse; of 100 by default. */
const MOST_PARTITIONS = 2_000;

/**
 * Loads the rows of a bucket: those whose keys are in its part of all keys, of each key the last one, and in a table that
 * is appended to only keys that it does not have. Nobody sees them. Each try is a load with a number of its own; one that
 * came to another count than it should is none. Throws WarehouseError.
 */
export async function loadBucket(
  { warehouse }: DatasetDependencies,
  run: DatasetRun,
  plan: DatasetPlan,
  of: { pieces: readonly string[]; settled: SettledRun; bucket: number },
): Promise<LoadedBucket> {
  const { settled, bucket } = of;
  const manifest = await runManifest(warehouse, run, plan);
  const scope = new Scope(warehouse, run, { pieces: of.pieces, late: settled.late }, settled.quarantined);
  const load = loadNumber(run, bucket);
  await recordLoads(warehouse, 'loading', [{ dataset: run.dataset, load, publication: run.number, run: run.runId }]);

  const inBucket = keysOf(bucket, settled.buckets);
  const mayBeThere = manifest.target.mode === 'append' && !(await isEmpty(warehouse, run.dataset));
  const there = mayBeThere ? thereAlready(scope, manifest, inBucket) : 'false';
  const [staged] = await scope.select<{ rows: string; keys: string; there: string }>(
    `count() AS rows, uniqExact(_key) AS keys, uniqExactIf(_key, ${there}) AS there`,
    inBucket,
  );
  const rows = Number(staged?.rows);
  const keys = Number(staged?.keys);
  const expected = keys - Number(staged?.there);
  const columns = await rowColumns(warehouse, stagingTable(run));
  const isReplaced = manifest.target.mode === 'replace';
  // Each condition costs, and most runs need neither.
  const conditions = [
    inBucket,
    ...(keys < rows ? [isLastOfKey(scope, inBucket)] : []),
    ...(expected < keys ? [`NOT (${there})`] : []),
  ];
  if (expected > 0) await warehouse.command(insertion(scope, { run, load, columns, isReplaced, conditions }));
  const loaded = await countLoad(warehouse, run.dataset, load);
  if (loaded !== expected)
    throw new WarehouseError('unavailable', undefined, `of ${expected} rows to load ${loaded} are in the table`);
  return { load, staged: rows, loaded, duplicates: rows - loaded };
}

/** Other runs load nothing meanwhile, and the loads of this one have other keys. */
async function isEmpty(warehouse: DatasetDependencies['warehouse'], dataset: string): Promise<boolean> {
  return (await warehouse.query(`SELECT 1 FROM ${identifier(storageName(dataset))} LIMIT 1`)).length === 0;
}

/** Rows that the table has of a load. */
export async function countLoad(
  warehouse: DatasetDependencies['warehouse'],
  dataset: string,
  load: string,
): Promise<number> {
  const [row] = await warehouse.query<{ rows: string }>(
    `SELECT count() AS rows FROM ${identifier(storageName(dataset))} WHERE _load = ${digits(load)}`,
  );
  return Number(row?.rows);
}

/**
 * Greater than that of every load of a run before, since runs have the turn one after another and this number begins with
 * the milliseconds of now; the rest tells the loads and tries of one moment apart.
 */
function loadNumber({ number }: DatasetRun, bucket: number): string {
  const now = BigInt(Date.now()) << 20n;
  const floor = (BigInt(number) >> 10n) << 20n;
  const spread = BigInt(((bucket & 0x3ff) << 10) | Math.floor(Math.random() * 1_024));
  return String((now > floor ? now : floor) | spread);
}

/** A part of all numbers of 128 bits. */
function keysOf(bucket: number, buckets: number): string {
  const bound = (index: number): string => String(((1n << 128n) * BigInt(index)) / BigInt(buckets));
  const from = `_key >= toUInt128('${bound(bucket)}')`;
  return bucket + 1 === buckets ? from : `${from} AND _key < toUInt128('${bound(bucket + 1)}')`;
}

/** Keys that readers see already. */
function thereAlready(scope: Scope, { name }: Manifest, inBucket: string): string {
  const unpublished = `SELECT load FROM dataset_loads FINAL WHERE dataset = ${literal(name)} AND status != 'published'`;
  return `_key IN (
    SELECT _key FROM ${identifier(storageName(name))}
    WHERE _load NOT IN (${unpublished}) AND _key IN (SELECT _key ${scope.rows()} AND ${inBucket}))`;
}

/**
 * Whether a row is the last of its key. Rows are told apart by where they stand, so only keys that come more than once are
 * gathered, and those of their rows that others follow: to sort whole rows by their keys cost three quarters of a load.
 */
function isLastOfKey(scope: Scope, inBucket: string): string {
  const repeated = `SELECT _key ${scope.rows()} AND ${inBucket} GROUP BY _key HAVING count() > 1`;
  const places = `arrayPopBack(arraySort(groupArray((_input, _line))))`;
  const followed =
    `SELECT _key, place.1, place.2 FROM (SELECT _key, arrayJoin(${places}) AS place ` +
    `${scope.rows()} AND ${inBucket} AND _key IN (${repeated}) GROUP BY _key)`;
  return `(_key, _input, _line) NOT IN (${followed})`;
}

function insertion(
  scope: Scope,
  of: {
    run: DatasetRun;
    load: string;
    columns: readonly string[];
    isReplaced: boolean;
    conditions: readonly string[];
  },
): string {
  const { run, load, isReplaced, conditions } = of;
  const columns = [...of.columns, '_source', '_line', '_key'].map(identifier).join(', ');
  const [column, value] = isReplaced ? [', _publication', `, ${digits(run.number)}`] : ['', ''];
  return `INSERT INTO ${identifier(storageName(run.dataset))} (${columns}, _load${column})
    SELECT ${columns}, ${digits(load)}${value}
    ${scope.rows()} AND ${conditions.join(' AND ')}
    ${SPILL}, max_partitions_per_insert_block = ${MOST_PARTITIONS}`;
}
