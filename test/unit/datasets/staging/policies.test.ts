import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Bench, manifestOf } from './stage.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const COLUMNS = ['name: id, type: UInt8', 'name: amount, type: "Nullable(Decimal(18, 2))"'];
const rows = [
  ['1', '1.5', 'x'],
  ['2', 'y', ''],
  ['z', '2', ''],
];

describe('a bad value', () => {
  test('sets its row aside', async () => {
    const staged = await bench.rows(manifestOf(COLUMNS), ['id', 'amount', 'c'], rows);
    expect(staged).toMatchObject({ read: 3, rows: 1, quarantined: 2, dropped: {} });
    expect(staged.failure).toBeUndefined();
  });

  test('is dropped where its column may be nothing', async () => {
    const staged = await bench.rows(manifestOf(COLUMNS, 'schema: { badValues: "null" }'), ['id', 'amount', 'c'], rows);
    expect(staged).toMatchObject({ read: 3, rows: 2, quarantined: 1, dropped: { amount: 1 } });
    expect([...staged.landed.values()].map((row) => row.slice(0, 2))).toEqual([
      ['1', '1.50'],
      ['2', null],
    ]);
    expect(staged.setAside.get(4)?.detail).toBe("id: 'z' is no whole number");
  });

  test('makes the run fail, with the first line of it', async () => {
    const staged = await bench.rows(manifestOf(COLUMNS, 'schema: { badValues: freeze }'), ['id', 'amount', 'c'], rows);
    expect(staged.failure).toBe("amount: 'y' is no number (line 3 of rows.csv, and 1 rows more)");
    expect(staged.setAside.get(3)?.reason).toBe('BAD_VALUE');
  });
});

describe('a column that the source lacks', () => {
  test('makes the run fail, with those that are there', async () => {
    const staged = await bench.rows(manifestOf(COLUMNS), ['id', 'c'], [['1', 'x']]);
    expect(staged.failure).toBe('the source lacks amount; it has id, c');
    expect(staged).toMatchObject({ rows: 0, quarantined: 0 });
  });

  test('is nothing in each row', async () => {
    const staged = await bench.rows(
      manifestOf(COLUMNS, 'schema: { missingColumns: "null" }'),
      ['id', 'c'],
      [['1', 'x']],
    );
    expect(staged.landed.get(2)).toEqual(['1', null]);
  });

  test('in JSON: may be left out where it may be nothing, and else has to be in one record', async () => {
    const manifest = manifestOf(COLUMNS, '', 'type: ndjson');
    expect((await bench.json(manifest, ['{"id":1}', '{"id":2}'])).rows).toBe(2);
    expect((await bench.json(manifest, ['{"amount":1}', '{"amount":null,"x":1}'])).failure).toBe(
      'no record has id; they have amount, x',
    );
    const late = [...Array.from({ length: 3_000 }, () => '{}'), '{"id":1}'];
    expect(await bench.json(manifest, late)).toMatchObject({ rows: 1, quarantined: 3_000 });
  });
});

describe('a column that the manifest does not name', () => {
  const header = ['id', 'amount', 'c', 'D e"', 'c'];
  const more = [
    ['1', '1', 'x', '', ''],
    ['2', '1', '', '', ''],
  ];
  const json = ['{"id":1,"amount":1,"c":{"x":[1]}}', '{"id":2,"c":null}'];

  test('is ignored', async () => {
    expect(await bench.rows(manifestOf(COLUMNS), header, more)).toMatchObject({ rows: 2, newColumns: [] });
    expect(await bench.json(manifestOf(COLUMNS, '', 'type: ndjson'), json)).toMatchObject({ rows: 2, newColumns: [] });
  });

  test('makes the run fail', async () => {
    const policy = 'schema: { newColumns: freeze }';
    expect((await bench.rows(manifestOf(COLUMNS, policy), header, more)).failure).toBe(
      'the source has c, D e", which the manifest does not name',
    );
    expect((await bench.json(manifestOf(COLUMNS, policy, 'type: ndjson'), json)).failure).toBe(
      'the source has c, which the manifest does not name',
    );
  });

  test('sets the rows aside that have something in it', async () => {
    const policy = 'schema: { newColumns: quarantine }';
    const staged = await bench.rows(manifestOf(COLUMNS, policy), header, more);
    expect([...staged.landed.keys()]).toEqual([3]);
    expect(staged.setAside.get(2)).toMatchObject({
      reason: 'NEW_COLUMNS',
      subject: '',
      detail: 'the manifest does not name c',
    });
    const ofJson = await bench.json(manifestOf(COLUMNS, policy, 'type: ndjson'), json);
    expect([...ofJson.landed.keys()]).toEqual([2]);
    expect(ofJson.setAside.get(1)).toMatchObject({ reason: 'NEW_COLUMNS', detail: 'the manifest does not name c' });
  });

  test('is told, and lands as text once the table has it', async () => {
    const manifest = manifestOf(COLUMNS, 'schema: { newColumns: evolve }');
    expect((await bench.rows(manifest, header, more)).newColumns).toEqual(['c', 'D e"']);
    const evolved = await bench.rows(manifest, header, more, { evolved: ['gone', 'c'] });
    expect(evolved.newColumns).toEqual(['D e"', 'c']);
    expect([...evolved.landed.values()]).toEqual([
      ['1', '1.00', null, 'x'],
      ['2', '1.00', null, null],
    ]);
    const ofJson = await bench.json(manifestOf(COLUMNS, 'schema: { newColumns: evolve }', 'type: ndjson'), json, {
      evolved: ['c'],
    });
    expect(ofJson.newColumns).toEqual(['c']);
    expect([...ofJson.landed.values()]).toEqual([
      ['1', '1.00', '{"x":[1]}'],
      ['2', null, null],
    ]);
  });

  test('can not have the name of another column', async () => {
    const manifest = manifestOf(['name: id, from: key, type: UInt8'], 'schema: { newColumns: evolve }');
    expect((await bench.rows(manifest, ['key', 'id'], [['1', '2']])).failure).toMatch(
      /^the source has id, and the manifest has another column of that name/,
    );
  });
});
