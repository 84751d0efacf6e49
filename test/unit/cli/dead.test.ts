import { describe, expect, it } from 'vitest';
import { limitOf, readAfter, readChoice, readFilter, readLimit, readState } from '../../../src/cli/dead/filter.js';
import { decisionText, letterText } from '../../../src/cli/dead/text.js';
import { plain } from '../../../src/cli/plain.js';
import { loadConfig } from '../../../src/config/index.js';
import { createReadAgain } from '../../../src/intake/index.js';
import { readRow } from '../../../src/sink/index.js';
import { deadLetterSchema } from '../../../src/domain/index.js';
import { cursorOf, decisionReport, isWhole, placeOf } from '../../../src/operations/index.js';
import { notFound } from '../../../src/operations/letters/report.js';
import { wayBack, type WayBack } from '../../../src/operations/letters/wayBack.js';
import { recordDeadLetter } from '../../../src/stream/index.js';
import type { WholeLetter } from '../../../src/warehouse/index.js';
import { imageEvent, imageResult } from '../sink/results.js';

const NOW = Date.now();
const EVENTS = 'penstock.image-events.bulk';
const RESULTS = 'penstock.image-results';
const FINALIZED = 'google.cloud.storage.object.v1.finalized';
const CE = { 'ce-specversion': '1.0', 'ce-type': FINALIZED, 'ce-source': 's', 'ce-id': '1' };

function letter(fields: Partial<WholeLetter>): WholeLetter {
  return {
    ...{ id: 'letter-0001', source: 'dispatcher', reason: 'INVALID_RECORD', detail: '', origin: `${EVENTS}/0/7` },
    ...{ received_at: '2026-01-31T12:00:00.000Z', stored_at: '2026-01-31T12:00:01.000Z', state: 'open' },
    ...{ payload: '{}', payload_encoding: 'utf8', payload_truncated: false, record_key: null, headers: {} },
    ...fields,
  };
}

const config = loadConfig({});
const back = (fields: Partial<WholeLetter>, lane = 'bulk'): WayBack =>
  wayBack(letter(fields), {
    topics: new Set([EVENTS, RESULTS]),
    readAgain: createReadAgain(config, () => ({ lane, model: 'shapes' })),
    readRow,
    retentionDays: 396,
    nowMs: NOW,
  });

const resource = (change: object = {}): string =>
  JSON.stringify({
    ...{ bucket: 'photos', name: 'a.jpg', generation: '5', contentType: 'image/jpeg', size: '9' },
    ...{ timeCreated: new Date(NOW - 60_000).toISOString(), ...change },
  });

describe('a letter goes back', () => {
  it('as a record to its own topic, with its key and headers and its id', () => {
    const payload = JSON.stringify(imageEvent());
    expect(back({ payload, record_key: 'photos/a.jpg', headers: { trace: 'x' } })).toEqual({
      kind: 'records',
      records: [
        {
          ...{ topic: EVENTS, key: 'photos/a.jpg', value: payload },
          headers: { trace: 'x', 'penstock-dead-letter': 'letter-0001' },
        },
      ],
    });
  });

  it('as a result to the results', () => {
    const payload = JSON.stringify(imageResult());
    expect(back({ source: 'sink', reason: 'ROW_REFUSED', origin: `${RESULTS}/3/9`, payload })).toMatchObject({
      records: [{ topic: RESULTS, value: payload }],
    });
  });

  it('as a body through what intake reads and routes', () => {
    const origin = `POST /events/gcs (binary ${FINALIZED}, id 1)`;
    expect(back({ source: 'intake', origin, headers: CE, payload: resource() }, 'express')).toMatchObject({
      records: [
        {
          ...{ topic: 'penstock.image-events.express', key: expect.stringContaining('a.jpg') as string },
          headers: { 'penstock-dead-letter': 'letter-0001' },
        },
      ],
    });
  });

  it('as a body of a release that kept no headers, where the origin says what it is', () => {
    const structured = JSON.stringify({
      ...{ specversion: '1.0', type: FINALIZED, source: 's', id: '1', data: JSON.parse(resource()) as unknown },
    });
    const origin = `POST /events/gcs (structured ${FINALIZED}, id 1)`;
    expect(back({ source: 'intake', origin, payload: structured }).kind).toBe('records');
  });

  it.each<[string, Partial<WholeLetter>, WayBack['kind'], RegExp]>([
    ['that was cut', { payload_truncated: true }, 'not_sent', /beginning/],
    ['of a topic that nobody reads', { origin: 'penstock.image-events.gone/0/1' }, 'not_sent', /image-events\.gone/],
    ['of a table of others', { source: 'sink', origin: 'orders/0/1' }, 'not_sent', /orders' is a topic of others/],
    ['without an origin', { origin: 'somewhere' }, 'not_sent', /nobody reads/],
    ['of a path that is no more', { source: 'intake', origin: 'POST /events/s3 (x)' }, 'not_sent', /events\/s3/],
    ['of a path that objects have', { source: 'intake', origin: 'POST toString (x)' }, 'not_sent', /toString/],
    ['that is still no event', { payload: '{"v":1}' }, 'refused_again', /^INVALID_RECORD/],
    ['of bytes', { payload: '/w==', payload_encoding: 'base64' }, 'refused_again', /UTF-8/],
    [
      'that is still no body',
      { source: 'intake', origin: 'POST /events/gcs (x)', headers: CE, payload: resource({ generation: 'x' }) },
      'refused_again',
      /^INVALID_EVENT: .*generation/,
    ],
    [
      'of an object that is too old',
      { payload: JSON.stringify(imageEvent({ uploadedAtMs: NOW - 400 * 86_400_000 })) },
      'refused_again',
      /^OUT_OF_RETENTION/,
    ],
    [
      'of what is no image',
      {
        ...{ source: 'intake', origin: 'POST /events/gcs (x)', headers: CE },
        payload: resource({ contentType: 'text/plain' }),
      },
      'not_sent',
      /ignored_not_image/,
    ],
  ])('not at all: one %s', (_name, fields, kind, why) => {
    expect(back(fields)).toEqual({ kind, why: expect.stringMatching(why) as string });
  });
});

describe('the command line of dead', () => {
  it('takes the cursor that a page ended with, and no other text', () => {
    const last = { received_at: '2026-01-31T12:00:00.123Z', id: 'f3b9c1d2-aaaa' };
    expect(readAfter(cursorOf(placeOf(last)))).toEqual({ receivedAtMs: Date.parse(last.received_at), id: last.id });
    for (const text of ['', 'x', Buffer.from('12').toString('base64url'), Buffer.from('a b').toString('base64url')])
      expect(() => readAfter(text)).toThrow('--cursor');
  });

  it('turns filters into what the table calls them, and names the option that can not be', () => {
    const flags = { limit: '1', kind: 'body', reason: 'UNPARSABLE', topic: 't', since: '1h' };
    expect(readFilter(flags, NOW)).toEqual({
      ...{ source: 'intake', reason: 'UNPARSABLE', topic: 't', sinceMs: NOW - 3_600_000 },
    });
    expect(() => readFilter({ limit: '1', kind: 'toString' }, NOW)).toThrow('--kind');
    expect(() => readFilter({ limit: '1', reason: 'GONE' }, NOW)).toThrow('--reason');
    expect(() => readState({ state: 'shut' })).toThrow('--state');
    expect([readState({ state: 'open' }), readState({ state: 'open', all: true })]).toEqual(['open', undefined]);
    for (const limit of ['0', '10001', '1e3', '']) expect(() => readLimit(limit)).toThrow('--limit');
  });

  it('chooses by ids or by filters, and never all by leaving both out', () => {
    expect(readChoice(['a', 'b', 'a'], {})).toEqual({ ids: ['a', 'b'] });
    expect(readChoice([], { source: 'sink' })).toEqual({ filter: { source: 'sink', state: 'open' } });
    expect(() => readChoice([], {})).toThrow('name letters');
    expect(limitOf(readChoice(['a', 'b', 'c'], {}), '1')).toBeGreaterThan(3);
    expect(limitOf(readChoice([], { source: 'sink' }), '1')).toBe(1);
    expect(() => readChoice(['a'], { source: 'sink' })).toThrow('not both');
  });
});

describe('what is said of letters', () => {
  it('counts what became of them, and is whole only when all came to what was asked for', () => {
    const done = { id: 'a', outcome: 'replayed' as const, to: [RESULTS], why: null };
    const report = decisionReport([done, ...notFound(['a', 'b'], [done])], { dryRun: false, limit: 10 });
    expect(report).toMatchObject({ counts: { replayed: 1, not_found: 1 }, limited: false });
    expect([isWhole(report), isWhole(decisionReport([done], { dryRun: false, limit: 1 }))]).toEqual([false, true]);
    expect(decisionText(report)).toBe(`a replayed to ${RESULTS}\nb not found\n1 replayed, 1 not found\n`);
  });

  it('lets no body steer the terminal of who reads it', () => {
    expect(plain('a\x1b[2J\x07\u202e\r\n\tü😀')).toBe('a\\u001b[2J\\u0007\\u202e\\u000d\n\tü😀');
    const text = letterText({ letter: { ...letter({ payload: '\x1b]0;x' }), kind: 'record' }, decisions: [] });
    expect(text).toContain('\\u001b]0;x');
  });
});

it('a letter of a record keeps its key and headers, bounded, and no credentials', () => {
  const record = { origin: `${EVENTS}/0/1`, value: Buffer.from('x'), timestampMs: NOW };
  const why = { source: 'sink', reason: 'INVALID_RECORD', detail: '' } as const;
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`h${n}`, 'v']));
  const kept = recordDeadLetter({ ...record, key: 'k', headers: many }, why);
  expect([kept.key, Object.keys(kept.headers ?? {}).length]).toEqual(['k', 32]);
  const headers = { a: '1', long: 'x'.repeat(3_000), Authorization: 'hush', 'session-token': 'hush', cookie: 'hush' };
  const bounded = recordDeadLetter({ ...record, key: 'k'.repeat(5_000), headers }, why);
  expect([bounded.key, bounded.headers]).toEqual([undefined, { a: '1' }]);
  expect(deadLetterSchema.safeParse(bounded).success).toBe(true);
  expect(recordDeadLetter({ ...record, key: null }, why)).not.toHaveProperty('key');
});
