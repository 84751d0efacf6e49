import { readdir, readFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { query } from 'chdb';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { parse } from 'yaml';
import {
  bareType,
  manifestWarnings,
  parseColumnType,
  readManifest,
  type Manifest,
} from '../../../../src/datasets/index.js';
import {
  appEventRules,
  customerRules,
  paymentRules,
  photoOrderRules,
  shopOrderRules,
  webPriceRules,
} from '../../../system/datasets/index.js';

const FOLDER = new URL('../../../../datasets/', import.meta.url);
const SCHEMA = new URL('../../../../schemas/dataset.v1.schema.json', import.meta.url);
const RULES = [shopOrderRules, webPriceRules, appEventRules, paymentRules, customerRules, photoOrderRules];
const NAMES = RULES.map(({ dataset }) => dataset);

function manifestOf(name: string): Promise<Manifest> {
  return readManifest(new URL(`${name}.yaml`, FOLDER).pathname).then(({ manifest }) => manifest);
}

test('there are six examples, each named as its file', async () => {
  const files = (await readdir(FOLDER)).filter((file) => file.endsWith('.yaml'));
  expect(files.sort()).toEqual(NAMES.map((name) => `${name}.yaml`).sort());
  expect(await Promise.all(NAMES.map(async (name) => (await manifestOf(name)).name))).toEqual(NAMES);
});

describe.each(NAMES)('%s', (name) => {
  it('is a manifest, and nothing is warned of', async () => {
    const manifest = await manifestOf(name);
    expect(manifestWarnings(manifest)).toEqual([]);
    expect(manifest).toMatchObject({ description: expect.any(String) as string, owner: expect.any(String) as string });
  });

  it('fits the published schema, which editors complete by', async () => {
    const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(
      JSON.parse(await readFile(SCHEMA, 'utf8')) as object,
    );
    validate(parse(await readFile(new URL(`${name}.yaml`, FOLDER), 'utf8')));
    expect(validate.errors).toBeNull();
  });

  it('begins with a comment of two to four lines', async () => {
    const lines = (await readFile(new URL(`${name}.yaml`, FOLDER), 'utf8')).split('\n');
    const head = lines.findIndex((line) => !line.startsWith('# '));
    expect(head).toBeGreaterThanOrEqual(2);
    expect(head).toBeLessThanOrEqual(4);
  });

  it('has types, codecs, partitions and an order that ClickHouse takes', async () => {
    const { columns, target } = await manifestOf(name);
    const landing = columns.filter(({ personal }) => personal !== 'drop');
    const types = landing.map(({ name: column, type, codec }) => `${column} ${type}${codec ? ` CODEC(${codec})` : ''}`);
    const { partitionBy, orderBy, ttl } = target;
    query(
      `CREATE TABLE ${name} (${types.join(', ')}, _source LowCardinality(String), _line UInt64)
       ENGINE = MergeTree ${partitionBy === undefined ? '' : `PARTITION BY ${partitionBy}`} ORDER BY (${orderBy.join(', ')})
       ${ttl === undefined ? '' : `TTL toDateTime(${ttl.column}) + INTERVAL ${ttl.after.slice(0, -1)} DAY`};
       SELECT 1`,
    );
  });

  it('lands the columns, by the mode and the key, that the oracle goes by', async () => {
    const { columns, target, checks } = await manifestOf(name);
    const rules = RULES.find(({ dataset }) => dataset === name);
    const landing = columns.filter(({ personal }) => personal !== 'drop').map((column) => column.name);
    const gained = name === 'web_prices' ? ['color'] : [];
    expect(new Set(rules?.columns)).toEqual(new Set([...landing, ...gained]));
    expect(rules?.key).toEqual(target.key);
    expect(rules?.mode).toBe(target.mode === 'replace' ? `replace ${target.replace}` : target.mode);
    expect(`${(rules?.maxQuarantined ?? 0) * 100} %`).toBe(checks.maxQuarantined);
    const unique = checks.columns.filter((check) => check.unique).map(({ column }) => column);
    expect(rules?.unique ?? []).toEqual(unique);
    const references = checks.columns.flatMap(({ column, reference }) =>
      reference === undefined ? [] : [{ column, dataset: reference.dataset, of: reference.column }],
    );
    expect(rules?.references ?? []).toEqual(references);
  });
});

describe('expressions and checks', () => {
  let duckdb: DuckDBInstance;

  beforeAll(async () => {
    duckdb = await DuckDBInstance.create(':memory:', { threads: '1' });
  });

  afterAll(() => duckdb.closeSync());

  it.each(NAMES)('of %s are read by DuckDB', async (name) => {
    const { columns, checks } = await manifestOf(name);
    const row = columns.map((column) => `CAST(NULL AS ${duckdbType(column.type)}) AS "${column.name}"`);
    const connection = await duckdb.connect();
    for (const expression of [
      ...columns.map((column) => column.expression),
      ...checks.rows.map((check) => check.expression),
    ])
      if (expression !== undefined) await connection.run(`SELECT ${expression} FROM (SELECT ${row.join(', ')})`);
    connection.closeSync();
  });
});

function duckdbType(type: string): string {
  const parsed = parseColumnType(type);
  const bare = parsed && bareType(parsed);
  if (bare?.kind === 'integer') return bare.signed ? 'BIGINT' : 'UBIGINT';
  if (bare?.kind === 'decimal') return `DECIMAL(${bare.precision}, ${bare.scale})`;
  const types: Readonly<Record<string, string>> = { float: 'DOUBLE', time: 'TIMESTAMP', date: 'DATE', bool: 'BOOLEAN' };
  return types[bare?.kind ?? ''] ?? 'VARCHAR';
}
