import { bareType, isNullable, parseColumnType, type ColumnType } from './columnType.js';
import type { Manifest } from './schema.js';
import { durationMs } from './words.js';

/** What may be meant so, and is worth a look: a path into the manifest, and a sentence. */
export interface ManifestWarning {
  path: readonly PropertyKey[];
  message: string;
}

/** Functions that make few values of many, for PARTITION BY. */
const COARSE =
  /^(?:toYYYYMM|toYYYYMMDD|toStartOf(?:Month|Week|Quarter|Year|Day|ISOYear)|toMonday|toYear|toDate|tuple|intDiv|modulo|cityHash64)\b/i;
const DAILY = /^(?:toYYYYMMDD|toStartOfDay|toDate)\b/i;
const MONEY = /(?:^|_)(?:amount|price|cost|total|revenue|fee|tax|balance|paid|money)(?:_|$)/i;
/** Beyond it ClickHouse keeps more parts than it likes. */
const MOST_PARTITIONS = 1_000;
const MOST_ORDER_COLUMNS = 5;
const DAY_MS = 86_400_000;

/** What those who run ClickHouse warn about, in the order of the manifest. */
export function manifestWarnings(manifest: Manifest): ManifestWarning[] {
  const types = new Map(
    manifest.columns.flatMap(({ name, type }) => {
      const known = parseColumnType(type);
      return known === undefined ? [] : [[name, known] as const];
    }),
  );
  return [...ofColumns(manifest, types), ...ofTarget(manifest, types), ...ofKey(manifest), ...ofSource(manifest)];
}

function ofColumns({ columns }: Manifest, types: ReadonlyMap<string, ColumnType>): ManifestWarning[] {
  const warnings = columns.flatMap(({ name, type }, index): ManifestWarning[] => {
    const known = types.get(name);
    if (known === undefined) return [];
    const path = ['columns', index, 'type'];
    if (bareType(known).kind === 'float' && MONEY.test(name))
      return [{ path, message: `${name}: ${type} rounds money; Decimal(18, 2) does not` }];
    const bare = bareType(known);
    if (bare.kind === 'date' && !bare.wide)
      return [{ path, message: `${name}: Date holds 1970 to 2149; Date32 holds birthdays too` }];
    return [];
  });
  const nullable = columns.filter(({ name }) => {
    const known = types.get(name);
    return known !== undefined && isNullable(known);
  });
  if (columns.length >= 8 && nullable.length > columns.length / 2)
    warnings.push({
      path: ['columns'],
      message: `${nullable.length} of ${columns.length} columns are Nullable: each costs a column of its own; a default is cheaper where nothing means the same`,
    });
  return warnings;
}

function ofTarget({ target }: Manifest, types: ReadonlyMap<string, ColumnType>): ManifestWarning[] {
  const { partitionBy, orderBy, ttl, mode } = target;
  const warnings: ManifestWarning[] = [];
  if (partitionBy !== undefined && !COARSE.test(partitionBy))
    warnings.push({
      path: ['target', 'partitionBy'],
      message: `a partition for each value of ${partitionBy} may be thousands; toYYYYMM of a time is usual`,
    });
  const ttlDays = ttl === undefined ? undefined : Math.round(durationMs(ttl.after) / DAY_MS);
  if (partitionBy !== undefined && DAILY.test(partitionBy) && (ttlDays === undefined || ttlDays > MOST_PARTITIONS))
    warnings.push({
      path: ['target', 'partitionBy'],
      message: `a partition a day, kept for ${ttlDays === undefined ? 'ever' : `${ttlDays} days`}: more than ${MOST_PARTITIONS} of them slow merges and starts; toYYYYMM makes fewer`,
    });
  if (partitionBy === undefined && ttl !== undefined)
    warnings.push({
      path: ['target', 'ttl'],
      message: 'without partitions TTL rewrites parts to delete rows; with partitionBy by the same time it drops them',
    });
  if (mode === 'append' && ttl === undefined)
    warnings.push({ path: ['target'], message: 'nothing is ever deleted from it: give a ttl, or mean it' });
  const [first = ''] = orderBy;
  const firstType = types.get(first);
  if (firstType !== undefined && bareType(firstType).kind === 'uuid')
    warnings.push({
      path: ['target', 'orderBy', 0],
      message: `${first} is random: rows that are read together are stored apart, and nothing compresses; begin with what queries filter by`,
    });
  if (orderBy.length > MOST_ORDER_COLUMNS)
    warnings.push({
      path: ['target', 'orderBy'],
      message: `${orderBy.length} columns: those after the fourth rarely help a query, and all are kept in memory`,
    });
  return warnings;
}

function ofKey({ target }: Manifest): ManifestWarning[] {
  const outside = (target.key ?? []).filter((name) => !target.orderBy.includes(name));
  if (outside.length === 0) return [];
  return [
    {
      path: ['target', 'key'],
      message: `${outside.join(', ')} of the key is not in orderBy: rows of a key lie apart, so that looking for duplicates reads the whole table`,
    },
  ];
}

function ofSource({ source, target }: Manifest): ManifestWarning[] {
  if (source.type !== 'http' || source.incremental !== undefined || target.mode === 'replace') return [];
  if (target.key !== undefined) return [];
  return [
    {
      path: ['source'],
      message: 'each run reads all of it and appends: without a key or incremental every row lands with every run',
    },
  ];
}
