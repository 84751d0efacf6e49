import type { Manifest } from '../manifest/schema.js';
import { columnDefinition, landingColumns } from './columns.js';
import { typeText } from './columnTypes.js';
import { assertFit } from './fitness.js';
import { keyExpression } from './keyExpression.js';
import { identifier, literal, qualified, quarantineName, stagingName, storageName } from './names.js';
import { modeOf, rememberedOf } from './remembered.js';
import { declaredTtl, dropsWholeParts, ttlExpression } from './ttl.js';
import { allRowsView, readersView } from './views.js';

export interface TableOptions {
  /** Where the tables are, and `dataset_loads`. */
  database: string;
  /** Columns that runs have added, as Nullable(String). */
  evolved?: readonly string[];
}

/** CREATE statements of a dataset, in the order in which they can be made. */
export interface TableDefinition {
  /** Rows of all loads: `<name>__rows`. */
  storage: string;
  /** View of them all, for the next: `<name>__all`. */
  all: string;
  /** What readers query: `<name>`. */
  view: string;
}

/** The tables of a dataset. Throws UnfitManifestError where `planTable` refuses it. */
export function tableDefinition(manifest: Manifest, { database, evolved = [] }: TableOptions): TableDefinition {
  assertFit(manifest);
  return {
    storage: storage(manifest, database, evolved),
    all: allRowsView(manifest, database, evolved).sql,
    view: readersView(manifest, database, evolved).sql,
  };
}

/** CREATE statements of the tables that one run has for itself. */
export interface StagingDefinition {
  /** `<name>__staging_<suffix>`: what landed in it, by its key, which ClickHouse computes and nobody can insert. */
  staging: string;
  /** `<name>__staging_<suffix>_quarantine`: rows that were set aside. */
  quarantine: string;
}

/**
 * Without TTL and partitions: all of a run is counted before it lands. `_piece` is the number of the piece that a row came
 * with. Throws UnfitManifestError where `planTable` refuses the manifest, and for a suffix that is no part of a name.
 */
export function stagingDefinition(
  manifest: Manifest,
  suffix: string,
  { database, evolved = [] }: TableOptions,
): StagingDefinition {
  assertFit(manifest);
  const columns = [
    ...landingColumns(manifest, evolved).map(({ name, type }) => `${identifier(name)} ${typeText(type)}`),
    '`_piece` UInt64',
    '`_source` LowCardinality(String)',
    '`_line` UInt64',
    '`_input` UInt32',
    `\`_key\` UInt128 MATERIALIZED ${keyExpression(manifest, evolved)} CODEC(NONE)`,
  ];
  return {
    staging:
      `CREATE TABLE IF NOT EXISTS ${qualified(database, stagingName(manifest.name, suffix))} ` +
      `(${columns.join(', ')}) ENGINE = MergeTree ORDER BY (\`_piece\`, \`_key\`)`,
    quarantine:
      `CREATE TABLE IF NOT EXISTS ${qualified(database, quarantineName(manifest.name, suffix))} ` +
      `(_piece UInt64, source LowCardinality(String), line UInt64, reason LowCardinality(String), ` +
      `subject LowCardinality(String), detail String, raw String CODEC(ZSTD(1))) ` +
      `ENGINE = MergeTree ORDER BY (_piece, line)`,
  };
}

/**
 * `_load` and `_publication` are one or few values near each other, and `_line` is small (T64: of 10 million equal ones 0.1 MB
 * are left, where ZSTD alone leaves 2.5, and reads them in a sixth of the time); `_key` is noise that no codec makes smaller.
 */
function storage(manifest: Manifest, database: string, evolved: readonly string[]): string {
  const { partitionBy, orderBy } = manifest.target;
  const isReplaced = modeOf(manifest.target) !== 'append';
  const columns = [
    ...landingColumns(manifest, evolved).map((column) => columnDefinition(column)),
    '`_load` UInt64 CODEC(T64, ZSTD(1))',
    ...(isReplaced ? ['`_publication` UInt64 CODEC(T64, ZSTD(1))'] : []),
    '`_key` UInt128 CODEC(NONE)',
    '`_source` LowCardinality(String) CODEC(ZSTD(1))',
    '`_line` UInt64 CODEC(T64, ZSTD(1))',
  ];
  const partition = [...(isReplaced ? ['`_publication`'] : []), ...(partitionBy === undefined ? [] : [partitionBy])];
  const ttl = declaredTtl(manifest);
  return [
    `CREATE TABLE IF NOT EXISTS ${qualified(database, storageName(manifest.name))} (${columns.join(', ')})`,
    'ENGINE = MergeTree',
    ...(partition.length === 0 ? [] : [`PARTITION BY (${partition.join(', ')})`]),
    `ORDER BY (${orderBy.join(', ')})`,
    ...(ttl === undefined ? [] : [`TTL ${ttlExpression(manifest, ttl)}`]),
    ...(dropsWholeParts(manifest) ? ['SETTINGS ttl_only_drop_parts = 1'] : []),
    `COMMENT ${literal(JSON.stringify(rememberedOf(manifest)))}`,
  ].join(' ');
}
