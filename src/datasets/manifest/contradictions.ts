import type { YamlProblem, YamlSource } from '../../yaml/index.js';
import { bareType, isNullable, parseColumnType, type ColumnType } from './columnType.js';
import type { Manifest } from './schema.js';

type Refuse = (path: readonly PropertyKey[], message: string) => void;

/** What no schema of one part can say. */
export function contradictions(manifest: Manifest, source: YamlSource): YamlProblem[] {
  const problems: YamlProblem[] = [];
  const refuse: Refuse = (path, message) => problems.push({ ...source.at(path), message });
  const columns = landing(manifest, refuse);
  checkSource(manifest, refuse);
  checkFormat(manifest, refuse);
  checkEnrichment(manifest, refuse);
  checkTarget(manifest, columns, refuse);
  checkChecks(manifest, columns, refuse);
  checkSchedule(manifest, refuse);
  return problems;
}

/** Columns that land, by name. */
function landing({ columns, enrich }: Manifest, refuse: Refuse): Map<string, ColumnType> {
  const found = new Map<string, ColumnType>();
  const lines = new Map<string, number>();
  const taken = new Set(enrich.flatMap(({ take }) => Object.keys(take)));
  for (const [index, { name, from, type, expression, personal, ...column }] of columns.entries()) {
    const path = ['columns', index];
    const known = parseColumnType(type);
    if (known === undefined) continue;
    const earlier = lines.get(name);
    if (earlier !== undefined)
      refuse([...path, 'name'], `columns[${index}].name: '${name}', columns[${earlier}] has it already`);
    lines.set(name, index);
    if (from !== undefined && expression !== undefined)
      refuse([...path, 'from'], `${name}: from or expression, not both`);
    if (taken.has(name) && (from !== undefined || expression !== undefined))
      refuse([...path, 'name'], `${name}: a lookup fills it; leave out from and expression`);
    if (column.required === true && isNullable(known))
      refuse([...path, 'required'], `${name}: required, and its type ${type} may be nothing; leave out Nullable`);
    if (column.required === false && !isNullable(known) && column.default === undefined)
      refuse(
        [...path, 'required'],
        `${name}: may be nothing, which ${type} can't hold: make it Nullable(${type}), or give a default`,
      );
    if (personal === 'hash' && bareType(known).kind !== 'string')
      refuse([...path, 'personal'], `${name}: the hash is a text; its type should be String, not ${type}`);
    if (personal !== 'drop') found.set(name, known);
  }
  return found;
}

function checkSource({ source, format }: Manifest, refuse: Refuse): void {
  if (source.type !== 'http') return;
  const { pagination, method, body, records } = source;
  if (method === 'GET' && body !== undefined) refuse(['source', 'body'], 'source.body: only with method: POST');
  if (format.type === 'parquet') refuse(['format', 'type'], 'format.type: parquet is read from objects and files only');
  const isJson = format.type === 'json';
  if ((pagination.type === 'cursor' || pagination.type === 'next-link') && !isJson)
    refuse(
      ['source', 'pagination'],
      `source.pagination: ${pagination.type} is read from JSON; format.type is ${format.type}`,
    );
  if (records !== undefined && !isJson) refuse(['source', 'records'], 'source.records: only with format.type: json');
  if (records !== undefined && isJson && format.records !== undefined)
    refuse(['format', 'records'], 'format.records: source.records says it already');
}

function checkFormat({ format }: Manifest, refuse: Refuse): void {
  if (format.type !== 'csv' && format.type !== 'tsv') return;
  const told = format.delimiter ?? (format.type === 'csv' ? ',' : '\t');
  const delimiter = told === String.raw`\t` ? '\t' : told;
  if (format.quote === delimiter)
    refuse(['format', 'quote'], `format.quote: ${JSON.stringify(delimiter)} is the delimiter as well`);
}

function checkEnrichment({ columns, enrich }: Manifest, refuse: Refuse): void {
  const names = new Set(columns.map(({ name }) => name));
  const filled = new Map<string, string>();
  const lookups = new Set<string>();
  for (const [index, { name, on, take }] of enrich.entries()) {
    if (lookups.has(name)) refuse(['enrich', index, 'name'], `enrich[${index}].name: '${name}' is there already`);
    lookups.add(name);
    if (Object.keys(on).length === 0) refuse(['enrich', index, 'on'], `enrich[${index}].on: at least one column`);
    for (const column of Object.keys(on))
      if (!names.has(column)) refuse(['enrich', index, 'on', column], `enrich[${index}].on: no column ${column}`);
    for (const column of Object.keys(take)) {
      const path = ['enrich', index, 'take', column];
      const before = filled.get(column);
      if (!names.has(column)) refuse(path, `enrich[${index}].take: declare ${column} in columns, with its type`);
      else if (before !== undefined) refuse(path, `enrich[${index}].take: ${before} fills ${column} already`);
      filled.set(column, name);
    }
  }
}

function checkTarget({ source, target }: Manifest, columns: ReadonlyMap<string, ColumnType>, refuse: Refuse): void {
  const { mode, replace, key = [], partitionBy, orderBy, ttl } = target;
  for (const [index, name] of key.entries())
    if (!columns.has(name)) refuse(['target', 'key', index], `target.key: no column ${name} lands`);
  for (const [index, name] of orderBy.entries()) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) continue;
    const type = columns.get(name);
    if (type === undefined) refuse(['target', 'orderBy', index], `target.orderBy: no column ${name} lands`);
    else if (isNullable(type))
      refuse(['target', 'orderBy', index], `target.orderBy: ${name} may be nothing, which ClickHouse does not sort by`);
  }
  if (mode === 'append' && replace === 'partitions')
    refuse(['target', 'replace'], 'target.replace: only with mode: replace');
  if (replace === 'partitions' && partitionBy === undefined)
    refuse(['target', 'replace'], 'target.replace: partitions need partitionBy');
  if (ttl !== undefined && !isTime(columns.get(ttl.column)))
    refuse(['target', 'ttl', 'column'], `target.ttl.column: ${ttl.column} is no column with a time or a date`);
  if (source.type !== 'http' || source.incremental === undefined) return;
  const { column } = source.incremental;
  const kind = columnKind(columns.get(column));
  if (kind !== 'time' && kind !== 'date' && kind !== 'integer')
    refuse(
      ['source', 'incremental', 'column'],
      `source.incremental.column: ${column} is no column with a time or a whole number`,
    );
  if (mode === 'replace' && replace === 'all')
    refuse(
      ['target', 'mode'],
      'target.mode: replace would leave only what is new since the last run; append with a key',
    );
}

function checkChecks({ checks }: Manifest, columns: ReadonlyMap<string, ColumnType>, refuse: Refuse): void {
  const names = new Set<string>();
  for (const [index, { name }] of checks.rows.entries()) {
    if (names.has(name)) refuse(['checks', 'rows', index, 'name'], `checks.rows: '${name}' is there already`);
    names.add(name);
  }
  for (const [index, { column, action, maxNulls, ...check }] of checks.columns.entries()) {
    const path = ['checks', 'columns', index];
    if (!columns.has(column)) refuse([...path, 'column'], `checks.columns: no column ${column} lands`);
    const isEmpty = maxNulls === undefined && Object.values(check).every((value) => value === undefined);
    if (isEmpty)
      refuse(
        path,
        `checks.columns: what has to hold of ${column}? unique, min, max, values, pattern, reference or maxNulls`,
      );
    if (maxNulls !== undefined && action === 'quarantine')
      refuse([...path, 'maxNulls'], `checks.columns: maxNulls of ${column} is of a whole run: action: warn or fail`);
  }
  const { freshness } = checks.run ?? {};
  if (freshness !== undefined && !isTime(columns.get(freshness.column)))
    refuse(
      ['checks', 'run', 'freshness', 'column'],
      `checks.run.freshness: ${freshness.column} is no column with a time or a date`,
    );
}

function checkSchedule({ schedule }: Manifest, refuse: Refuse): void {
  if (schedule === undefined) return;
  if (schedule.cron === undefined && schedule.every === undefined)
    refuse(['schedule'], 'schedule: cron, like 0 6 * * *, or every, like 15m');
  if (schedule.cron !== undefined && schedule.every !== undefined)
    refuse(['schedule', 'every'], 'schedule.every: cron says it already');
}

function columnKind(type: ColumnType | undefined): ColumnType['kind'] | undefined {
  return type && bareType(type).kind;
}

function isTime(type: ColumnType | undefined): boolean {
  const kind = columnKind(type);
  return kind === 'time' || kind === 'date';
}
