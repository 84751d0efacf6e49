import { expect, it } from 'vitest';
import { tableReader, targetOf } from '../../../src/sink/tableRows.js';
import { parseTables } from '../../../src/tables/parse.js';
import type { TopicTable } from '../../../src/tables/index.js';

function tableOf(fields: Partial<TopicTable> = {}): TopicTable {
  const [table] = parseTables(
    JSON.stringify({ version: 1, tables: [{ topic: 'orders', table: 'orders', ...fields }] }),
    'sink.json',
    'penstock',
  );
  if (table === undefined) throw new Error('no table');
  return table;
}

const sourceOf = (value: string | Buffer) => ({
  ...{ topic: 'orders', partition: 3, offset: 17n, origin: 'orders/3/17', timestampMs: 0 },
  value: Buffer.from(value),
  signal: new AbortController().signal,
});
const read = (value: string | Buffer, fields: Partial<TopicTable> = {}): unknown => {
  const result = tableReader(tableOf(fields))(sourceOf(value));
  return result.kind === 'row' ? result.row.data : [result.reason, result.detail];
};

it('a record goes on as it came, so that no number is rounded', () => {
  const text = '{"id": 1152921504606846977,\n "amount": 0.1000000000000000055}';
  expect(read(text)).toBe(text);
});

it.each([
  ['{"id":1}{"id":2}', 'no JSON'],
  ['{"id":1,', 'no JSON'],
  ['', 'no JSON'],
  ['[{"id":1}]', 'no JSON object'],
  ['null', 'no JSON object'],
  [Buffer.from([0x7b, 0xff, 0x7d]), 'no UTF-8'],
])('%j is a dead letter: what is not one object could make a row with its neighbour', (value, why) => {
  expect(read(value)).toEqual(['INVALID_RECORD', expect.stringContaining(why)]);
});

it('its position is added to the object', () => {
  const position = { _topic: 'orders', _partition: 3, _offset: 17 };
  expect(JSON.parse(String(read('{"id":1} \n', { position: true })))).toEqual({ id: 1, ...position });
  expect(JSON.parse(String(read(' { } ', { position: true })))).toEqual(position);
  expect(targetOf(tableOf({ position: true, columns: ['id'] })).columns).toEqual([
    ...['id', '_topic', '_partition', '_offset'],
  ]);
  expect(targetOf(tableOf({ position: true })).columns).toEqual([]);
});
