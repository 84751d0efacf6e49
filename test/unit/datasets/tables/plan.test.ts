import { describe, expect, it, test } from 'vitest';
import type { Manifest } from '../../../../src/datasets/index.js';
import { addColumns, planTable, tableDefinition, type PlanOptions } from '../../../../src/datasets/tables/index.js';
import { COLUMNS, DATABASE, madeOf, manifestOf, type Column } from './manifest.js';

interface Difference {
  target?: object;
  columns?: Record<string, Column>;
}

const plan = (manifest: Manifest, existing = madeOf(manifest), options: Partial<PlanOptions> = {}) =>
  planTable(manifest, existing, { database: DATABASE, ...options });

/** The plan from a table of one manifest to another. */
function from(before: Difference, after: Difference, options: Partial<PlanOptions> & { hasRows?: boolean } = {}) {
  return plan(manifestOf(after), madeOf(manifestOf(before), options), options);
}

const says = ({ changes }: ReturnType<typeof from>): string[] => changes.map((change) => change.says);
const VIEWS = ['renews the view orders__all', 'renews the view orders'];

test('a new dataset is made: its table, then the views', () => {
  const { changes, refusals } = planTable(manifestOf(), undefined, { database: DATABASE });
  expect(refusals).toEqual([]);
  expect(changes.map(({ says: line }) => line)).toEqual([
    'makes the table orders__rows: 3 columns, partitions of toYYYYMM(at), in the order of region, at',
    'makes the view orders__all',
    'makes the view orders',
  ]);
  const { storage, all, view } = tableDefinition(manifestOf(), { database: DATABASE });
  expect(changes.map(({ sql }) => sql)).toEqual([storage, all, view]);
});

test('a dataset as it should be needs nothing', () => {
  expect(plan(manifestOf())).toEqual({ changes: [], refusals: [] });
});

test('spaces in an expression, and the order of a key, are no difference', () => {
  const target = { key: ['at', 'id'], partitionBy: 'toYYYYMM( at )' };
  expect(from({ target: { key: ['id', 'at'] } }, { target })).toEqual({ changes: [], refusals: [] });
});

test('a view that was lost is made again, alone', () => {
  const { storage, all } = madeOf(manifestOf());
  expect(says(plan(manifestOf(), { ...(storage && { storage }), ...(all && { all }) }))).toEqual([
    'makes the view orders',
  ]);
});

describe('a column', () => {
  const withColumn = (column?: Column): Difference => (column === undefined ? {} : { columns: { c: column } });

  it.each<[string, Column, string]>([
    ['that may be nothing', { type: 'Nullable(Int32)' }, 'adds column c Nullable(Int32)'],
    [
      'with a default',
      { type: 'Decimal(18, 2)', default: '0.5' },
      'adds column c Decimal(18, 2); "0.5" in the rows that are there',
    ],
  ])('%s is added, before the views show it', (_, column, line) => {
    const { changes, refusals } = from({}, withColumn(column));
    expect(refusals).toEqual([]);
    expect(changes.map((change) => change.says)).toEqual([line, ...VIEWS]);
    expect(changes[0]?.sql).toMatch(/^ALTER TABLE `shop`\.`orders__rows` ADD COLUMN IF NOT EXISTS `c` /);
  });

  test('that may not be nothing and has no default is refused, and nothing else is done', () => {
    const { changes, refusals } = from({}, { columns: { c: { type: 'Int32' }, d: { type: 'Nullable(Int32)' } } });
    expect(changes).toEqual([]);
    expect(refusals).toEqual([
      "columns: c: rows that are there have nothing in it, which Int32 can't hold: make it Nullable(Int32), or give it a default",
    ]);
  });

  test('that may not be nothing is added while there are no rows', () => {
    expect(says(from({}, withColumn({ type: 'Int32' }), { hasRows: false }))).toEqual([
      'adds column c Int32',
      ...VIEWS,
    ]);
  });

  test('that comes when all columns are the key: the plan says what that means', () => {
    const target = { key: undefined };
    expect(says(from({ target }, { target, ...withColumn({ type: 'Nullable(String)' }) }))[0]).toMatch(
      /^adds column c .*: rows that come again, with something in it, land again$/,
    );
  });

  test('that was taken away is refused: what is in it would be lost', () => {
    expect(from(withColumn({ type: 'Int32' }), {}).refusals).toEqual([
      expect.stringMatching(
        /^columns: c is in the table, and not in the manifest: what is in it would be lost; declare it/,
      ),
    ]);
    const dropped = from(withColumn({ type: 'String' }), withColumn({ type: 'String', personal: 'drop' }));
    expect(dropped.refusals).toHaveLength(1);
  });

  it.each([
    ['Int32', 'Int64'],
    ['UInt32', 'Int64'],
    ['Int8', 'Int128'],
    ['Decimal(18, 2)', 'Decimal(38, 2)'],
    ['Decimal(18, 2)', 'Decimal(38, 4)'],
    ['Date', 'Date32'],
    ['DateTime', 'DateTime64(9)'],
    ['DateTime64(3)', 'DateTime64(6)'],
    ['DateTime64(3)', "DateTime64(3, 'Europe/Berlin')"],
    ["Enum8('a')", "Enum8('a', 'b')"],
    ["Enum8('a')", 'String'],
    ['String', 'LowCardinality(String)'],
    ['LowCardinality(String)', 'String'],
    ['LowCardinality(String)', 'LowCardinality(Nullable(String))'],
    ['String', 'Nullable(String)'],
    ['Int32', 'Nullable(Int64)'],
    ['Float32', 'Float64'],
    ['Array(Int32)', 'Array(Nullable(Int64))'],
    ['FixedString(2)', 'LowCardinality(FixedString(2))'],
  ])('goes from %s to %s', (before, after) => {
    const { changes, refusals } = from(
      withColumn({ type: before, codec: 'Delta' }),
      withColumn({ type: after, codec: 'Delta' }),
    );
    expect(refusals).toEqual([]);
    expect(changes.map((change) => change.says)).toEqual([expect.stringMatching(/^changes column c from /), ...VIEWS]);
    expect(changes[0]?.sql).toMatch(/ MODIFY COLUMN IF EXISTS `c` .* CODEC\(Delta\)$/);
  });

  it.each([
    ['Int64', 'Int32', /may not fit/],
    ['UInt64', 'Int64', /may not fit/],
    ['Int32', 'UInt64', /may not fit/],
    ['Decimal(38, 2)', 'Decimal(18, 2)', /may not fit/],
    ['Decimal(18, 2)', 'Decimal(18, 4)', /may not fit/],
    ['Decimal(18, 4)', 'Decimal(38, 2)', /may not fit/],
    ['Date32', 'Date', /may not fit/],
    ['DateTime64(6)', 'DateTime64(3)', /may not fit/],
    ['DateTime64(3)', 'DateTime', /may not fit/],
    ['DateTime64(3)', 'DateTime64(9)', /end in 2262/],
    ['Float64', 'Float32', /may not fit/],
    ["Enum8('a', 'b')", "Enum8('a')", /rows may hold 'b'/],
    ["Enum8('a', 'b')", "Enum8('b', 'a')", /write new ones after those/],
    ["Enum8('a', 'b')", "Enum8('a', 'c', 'b')", /write new ones after those/],
    ['Nullable(Int32)', 'Int32', /may hold nothing/],
    ['Array(Nullable(Int32))', 'Array(Int32)', /may hold nothing/],
    ['String', 'Int32', /another kind of value/],
    ['Int32', 'String', /another kind of value/],
    ['Int32', 'Decimal(18, 2)', /another kind of value/],
    ['FixedString(2)', 'FixedString(3)', /another kind of value/],
    ['DateTime', 'Date32', /another kind of value/],
    ['IPv4', 'IPv6', /another kind of value/],
  ])('never goes from %s to %s', (before, after, why) => {
    const { changes, refusals } = from(withColumn({ type: before }), withColumn({ type: after }));
    expect(changes).toEqual([]);
    expect(refusals).toEqual([expect.stringMatching(why)]);
    expect(refusals[0]).toMatch(/Keep .*, or add a column with another name$/);
  });

  it.each<[string, string, string, object]>([
    ['the table is sorted by', 'Int32', 'Int64', { orderBy: ['negate(c)', 'at'] }],
    ['partitions are made by', 'DateTime64(3)', "DateTime64(3, 'Asia/Tokyo')", { partitionBy: 'toDate(`c`)' }],
    ['rows are deleted by', 'DateTime', 'DateTime64(3)', { ttl: { column: 'c', after: '9d' } }],
    ['rows are told apart by as a float', 'Float32', 'Float64', { key: ['c'] }],
    ['rows are told apart by, with all others, as a float', 'Array(Float32)', 'Array(Float64)', { key: undefined }],
  ])('that %s keeps its type', (_, before, after, target) => {
    const { refusals } = from({ target, ...withColumn({ type: before }) }, { target, ...withColumn({ type: after }) });
    expect(refusals).toEqual([expect.stringMatching(/^columns: c: from .* to .*: (?:the table|rows)/)]);
  });

  it.each([
    ["Enum8('a')", "Enum8('a', 'b')"],
    ['String', 'LowCardinality(String)'],
  ])('that the table is sorted by goes from %s to %s: order and hash stay', (before, after) => {
    const target = { orderBy: ['c'] };
    expect(
      from({ target, ...withColumn({ type: before }) }, { target, ...withColumn({ type: after }) }).refusals,
    ).toEqual([]);
  });

  it.each<[string, Column, Column, string[]]>([
    ['codec', { type: 'Int32' }, { type: 'Int32', codec: 'T64' }, ['MODIFY COLUMN `c` CODEC(T64)']],
    ['no codec', { type: 'Int32', codec: 'T64' }, { type: 'Int32' }, ['MODIFY COLUMN `c` REMOVE CODEC']],
    ['level', { type: 'Int32', codec: 'ZSTD(3)' }, { type: 'Int32', codec: 'ZSTD' }, ['MODIFY COLUMN `c` CODEC(ZSTD)']],
    [
      'spelling of a codec',
      { type: 'Int32', codec: 'Delta(4), ZSTD(1)' },
      { type: 'Int32', codec: 'delta,  zstd' },
      [],
    ],
  ])('changes its %s', (_, before, after, statements) => {
    const { changes } = from(withColumn(before), withColumn(after));
    expect(changes.map(({ sql }) => sql.replace('ALTER TABLE `shop`.`orders__rows` ', ''))).toEqual(statements);
  });

  test('changes its description, with its unit, and the view says it', () => {
    const after = withColumn({ type: 'Int32', description: "What's paid", unit: 'EUR' });
    const { changes } = from(withColumn({ type: 'Int32' }), after);
    expect(changes[0]?.sql).toMatch(/COMMENT COLUMN IF EXISTS `c` 'What\\'s paid \(in EUR\)'$/);
    expect(changes.map((change) => change.says)).toEqual(["column c: says 'What's paid (in EUR)'", VIEWS[1]]);
  });
});

describe('the table', () => {
  it.each<[string, object, object, RegExp]>([
    ['mode', {}, { mode: 'replace' }, /^target\.mode: rows are there as append, not replace all: keep it, or/],
    ['replace', { mode: 'replace' }, { mode: 'replace', replace: 'partitions' }, /not replace partitions/],
    ['key', {}, { key: ['id', 'at'] }, /^target\.key: rows that are there were told apart by id, not at, id/],
    ['key for all', {}, { key: undefined }, /by id, not all columns/],
    [
      'partitions',
      {},
      { partitionBy: 'toYear(at)' },
      /^target\.partitionBy: the table is partitioned by toYYYYMM\(at\)/,
    ],
    ['order', {}, { orderBy: ['at', 'region'] }, /^target\.orderBy: the table is in the order of region, at/],
  ])('keeps its %s while it has rows', (_, before, after, refusal) => {
    const { changes, refusals } = from({ target: before }, { target: after });
    expect(changes).toEqual([]);
    expect(refusals).toEqual([expect.stringMatching(refusal)]);
  });

  test('is made again without rows, and dropped only if it has none', () => {
    const { changes } = from({}, { target: { orderBy: ['id'] } }, { hasRows: false });
    expect(changes.map(({ sql }) => sql.slice(0, 40))).toEqual([
      'DROP TABLE IF EMPTY `shop`.`orders__rows',
      'CREATE TABLE IF NOT EXISTS `shop`.`order',
    ]);
  });

  const ttl = (after?: string, column = 'at'): Difference => ({
    target: { ttl: after === undefined ? undefined : { column, after } },
  });

  it.each<[string, Difference, Difference, string[]]>([
    ['longer', ttl('30d'), ttl('1000h'), ['keeps rows until 1000h after at (30d after at so far)']],
    ['for ever', ttl('30d'), ttl(), ['deletes rows by ttl one by one', 'keeps rows for ever (30d after at so far)']],
  ])('keeps its rows %s', (_, before, after, lines) => {
    expect(says(from(before, after))).toEqual(lines);
  });

  it.each<[string, Difference, Difference]>([
    ['shorter', ttl('30d'), ttl('29d')],
    ['no more for ever', ttl(), ttl('9999d')],
    [
      'by another time',
      { ...ttl('30d'), columns: { c: { type: 'Date' } } },
      { ...ttl('60d', 'c'), columns: { c: { type: 'Date' } } },
    ],
  ])('keeps its rows %s only where deleting is allowed', (_, before, after) => {
    expect(from(before, after)).toEqual({
      changes: [],
      refusals: [expect.stringMatching(/^target\.ttl: rows are deleted/)],
    });
    const allowed = from(before, after, { allowDelete: true });
    expect(allowed.refusals).toEqual([]);
    expect(allowed.changes.map(({ sql }) => sql)).toContainEqual(expect.stringMatching(/MODIFY TTL toDateTime64/));
  });
});

test.each<[string, Difference & { name?: string }, RegExp]>([
  ['a name with two underscores', { name: 'a__rows' }, /two underscores/],
  ['a column of ours', { columns: { _load: { type: 'UInt64' } } }, /^columns: _load: names that begin with _/],
  [
    'a partition of two statements',
    { target: { partitionBy: 'at); DROP TABLE x' } },
    /^target\.partitionBy: .*closes nothing|";" outside/,
  ],
  ['an order with a comment', { target: { orderBy: ['id', 'at -- x'] } }, /^target\.orderBy\[1\]: .*comment/],
  ['a codec that is none', { columns: { c: { type: 'UInt8', codec: 'ZSTD(1)) TTL now()' } } }, /^columns: c: codec/],
  [
    'nothing that lands',
    {
      columns: Object.fromEntries(Object.keys(COLUMNS).map((name) => [name, { type: 'String', personal: 'drop' }])),
      target: { key: undefined, partitionBy: undefined, orderBy: ['tuple()'] },
    },
    /none lands/,
  ],
])('%s is refused, and no statement is made of it', (_, difference, refusal) => {
  const manifest = manifestOf(difference);
  expect(planTable(manifest, undefined, { database: DATABASE })).toEqual({
    changes: [],
    refusals: [expect.stringMatching(refusal)],
  });
  expect(() => tableDefinition(manifest, { database: DATABASE })).toThrow(refusal);
});

describe('columns that a source has got', () => {
  const add = (names: string[], evolved: string[] = []) =>
    addColumns(manifestOf(), madeOf(manifestOf(), { evolved }), names, { database: DATABASE });

  test('are added as texts that may be nothing, before the views show them', () => {
    expect(says(add(['Order note', 'Order note']))).toEqual([
      'adds column Order note Nullable(String), which is new in the source',
      ...VIEWS,
    ]);
    expect(add(['Order note'], ['Order note'])).toEqual({ changes: [], refusals: [] });
  });

  test('stay where the manifest does not name them, and can be named by it', () => {
    const existing = madeOf(manifestOf(), { evolved: ['note'] });
    expect(plan(manifestOf(), existing)).toEqual({ changes: [], refusals: [] });
    const named = manifestOf({ columns: { note: { type: 'LowCardinality(Nullable(String))' } } });
    expect(says(plan(named, existing))).toEqual([
      'changes column note from Nullable(String) to LowCardinality(Nullable(String))',
      'column note: no description',
      ...VIEWS,
    ]);
  });

  it.each(['', '_load', 'a.b', 'a`b', "a'b", 'a\nb', 'x'.repeat(128), 'id', 'region'])(
    'are refused with the name %j',
    (name) => {
      expect(add([name, 'good'])).toMatchObject({
        changes: [{ says: expect.stringMatching(/^adds column good/) as string }, {}, {}],
        refusals: [expect.stringMatching(/name it in the manifest, with from$/)],
      });
    },
  );

  test('are at most a hundred at a time', () => {
    const { changes, refusals } = add(Array.from({ length: 101 }, (_, index) => `c${index}`));
    expect([changes.length, refusals]).toEqual([102, ['101 new columns: 100 are added at a time']]);
  });
});
