import { describe, expect, test } from 'vitest';
import { DEAD_LETTERS_TOPIC, deadLetterSchema } from '../../../src/domain/index.js';
import { recordDeadLetter, type RefusedRecord } from '../../../src/stream/index.js';
import { readRow, sourceOf } from '../../../src/sink/rows.js';
import { DEAD_LETTERS, IMAGE_RESULTS } from '../../../src/warehouse/index.js';
import { imageResult, sliceOf } from './results.js';

const NOW = Date.now();

function read(value: object | string, topic?: string, days = 396) {
  const slice = sliceOf([value], topic === undefined ? {} : { topic });
  const [record] = slice.records;
  if (record === undefined) throw new Error('no record');
  const source = sourceOf(slice, record);
  return { source, row: readRow(source, { days, nowMs: NOW }) };
}

const letterOf = (source: RefusedRecord) =>
  recordDeadLetter(source, { source: 'sink', reason: 'INVALID_RECORD', detail: 'no JSON' });

describe('a record', () => {
  test('that fits becomes a row with one value per column', () => {
    const { row } = read(imageResult());
    if (row.kind !== 'row') throw new Error(row.detail);
    expect(row.row.target).toBe(IMAGE_RESULTS);
    expect(JSON.parse(row.row.json)).toHaveLength(IMAGE_RESULTS.columns.length);
    expect(JSON.parse(row.row.json)).toContain('1700000000000001');
  });

  test.each([
    ['no JSON', '{"v":1', /no JSON/],
    ['a missing field', { ...imageResult(), bucket: undefined }, /bucket/],
    ['an unknown reason', { ...imageResult(), status: 'dead', reason: 'BORED' }, /reason/],
    ['a generation beyond 64 bits', imageResult({ generation: '18446744073709551616' }), /generation/],
    ['a time that no column holds', imageResult({ uploadedAtMs: 9_000_000_000_000_000 }), /uploadedAtMs/],
  ])('with %s does not fit, and the detail says where', (_what, value, detail) => {
    const { row } = read(value);
    expect(row).toMatchObject({ kind: 'unfit', reason: 'INVALID_RECORD' });
    if (row.kind === 'unfit') expect(row.detail).toMatch(detail);
  });

  test('of an image older than the TTL does not fit: the server would drop it and say OK', () => {
    const { row } = read(imageResult({ uploadedAtMs: NOW - 397 * 86_400_000 }));
    expect(row).toMatchObject({ kind: 'unfit', reason: 'OUT_OF_RETENTION' });
  });

  test('of a dead letter is kept as long as its table keeps it, whatever the retention of images', () => {
    const letter = letterOf({ ...read('{"v":1').source, timestampMs: NOW - 390 * 86_400_000 });
    expect(read(letter, DEAD_LETTERS_TOPIC, 7).row).toMatchObject({ kind: 'row' });
  });

  test('holds no half of a surrogate pair, which the server would refuse', () => {
    const letter = { ...letterOf(read('{"v":1').source), detail: 'cut \ud83d', origin: 'x\ud83d!' };
    const { row } = read(letter, DEAD_LETTERS_TOPIC);
    if (row.kind !== 'row') throw new Error(row.detail);
    expect(row.row.json).toContain('cut \ufffd');
    expect(row.row.json).toContain('x\ufffd!');
  });

  test('gives the same dead letter whenever it is read, which fits the schema and its table', () => {
    const { source } = read('{"v":1');
    const letter = letterOf(source);
    expect(letterOf(read('{"v":1').source)).toEqual(letter);
    expect(letterOf(read('{"v":2').source).id).not.toBe(letter.id);
    expect(deadLetterSchema.parse(letter)).toMatchObject({ payload: '{"v":1', payloadEncoding: 'utf8' });
    const { row } = read(letter, DEAD_LETTERS_TOPIC);
    if (row.kind !== 'row') throw new Error(row.detail);
    expect(JSON.parse(row.row.json)).toHaveLength(DEAD_LETTERS.columns.length);
    const binary = { ...source, value: Buffer.from([0xff, 0xfe]) };
    expect(letterOf(binary)).toMatchObject({ payload: '//4=', payloadEncoding: 'base64' });
  });
});
