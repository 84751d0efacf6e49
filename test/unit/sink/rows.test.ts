import { describe, expect, test } from 'vitest';
import { DEAD_LETTERS_TOPIC, deadLetterSchema, HELD_LANE, imageEventsTopic } from '../../../src/domain/index.js';
import { recordDeadLetter, type RefusedRecord } from '../../../src/stream/index.js';
import { readRow, sourceOf } from '../../../src/sink/rows.js';
import { DEAD_LETTERS, IMAGE_RESULTS, UPLOAD_EVENTS } from '../../../src/warehouse/index.js';
import { imageEvent, imageResult, sliceOf } from './results.js';

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
    expect(JSON.parse(String(row.row.data))).toHaveLength(IMAGE_RESULTS.columns.length);
    expect(JSON.parse(String(row.row.data))).toContain('1700000000000001');
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
    expect(row.row.data).toContain('cut \ufffd');
    expect(row.row.data).toContain('x\ufffd!');
  });

  test('gives the same dead letter whenever it is read, which fits the schema and its table', () => {
    const { source } = read('{"v":1');
    const letter = letterOf(source);
    expect(letterOf(read('{"v":1').source)).toEqual(letter);
    expect(letterOf(read('{"v":2').source).id).not.toBe(letter.id);
    expect(deadLetterSchema.parse(letter)).toMatchObject({ payload: '{"v":1', payloadEncoding: 'utf8' });
    const { row } = read(letter, DEAD_LETTERS_TOPIC);
    if (row.kind !== 'row') throw new Error(row.detail);
    expect(JSON.parse(String(row.row.data))).toHaveLength(DEAD_LETTERS.columns.length);
    const binary = { ...source, value: Buffer.from([0xff, 0xfe]) };
    expect(letterOf(binary)).toMatchObject({ payload: '//4=', payloadEncoding: 'base64' });
  });

  /** The row of an event, by column. */
  function eventRow(event: object, lane: string): Record<string, unknown> {
    const { row } = read(event, imageEventsTopic(lane));
    if (row.kind !== 'row') throw new Error(row.detail);
    expect(row.row.target).toBe(UPLOAD_EVENTS);
    const values = JSON.parse(String(row.row.data)) as unknown[];
    expect(values).toHaveLength(UPLOAD_EVENTS.columns.length);
    return Object.fromEntries(UPLOAD_EVENTS.columns.map((column, index) => [column, values[index]]));
  }

  test('of an event becomes a row of uploads, with where it stands', () => {
    const event = imageEvent({ deadlineMs: NOW });
    expect(eventRow(event, 'express')).toMatchObject({
      ...{ object: 'a.jpg', model: 'shapes', lane: 'express', topic: 'penstock.image-events.express', partition: 0 },
      ...{ record_offset: '0', event_id: 'event-0001', source_id: 's1', size_bytes: 160_000, deadline_at: NOW },
    });
    const bare = { ...event, sourceId: undefined, contentType: undefined, sizeBytes: undefined, deadlineMs: undefined };
    expect(eventRow(bare, 'bulk')).toMatchObject({
      ...{ source_id: '', content_type: '', size_bytes: null, deadline_at: null },
    });
  });

  test('of an event with a deadline in the year 9999 is a row all the same: its image is detected', () => {
    const event = imageEvent({ deadlineMs: Date.UTC(9999, 11, 31) });
    expect(eventRow(event, 'bulk')).toMatchObject({ object: 'a.jpg', deadline_at: Date.UTC(2100, 0) });
  });

  test('of a held event is in the lane that it goes back to', () => {
    const held = eventRow(imageEvent({ lane: 'bulk' }), HELD_LANE);
    expect(held).toMatchObject({ lane: 'bulk', topic: 'penstock.image-events.held' });
  });

  test.each([
    ['no JSON', '{"v":1', 'INVALID_RECORD', /no JSON/],
    ['a missing field', { ...imageEvent(), bucket: undefined }, 'INVALID_RECORD', /bucket/],
    ['a generation beyond 64 bits', imageEvent({ generation: '18446744073709551616' }), 'INVALID_RECORD', /generation/],
    ['an upload beyond the TTL', imageEvent({ uploadedAtMs: NOW - 397 * 86_400_000 }), 'OUT_OF_RETENTION', /uploaded/],
  ])('of an event with %s fits no row of uploads', (_what, value, reason, detail) => {
    const { row } = read(value, imageEventsTopic('bulk'));
    expect(row).toMatchObject({ kind: 'unfit', reason });
    if (row.kind === 'unfit') expect(row.detail).toMatch(detail);
  });
});
