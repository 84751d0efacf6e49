import { describe, expect, it } from 'vitest';
import { createLogger } from '../../../src/telemetry/index.js';
import { LineSampler } from '../../../src/telemetry/sampling.js';
import { scrub } from '../../../src/telemetry/scrub.js';

function captured(level = 'trace') {
  const lines: Record<string, unknown>[] = [];
  const log = createLogger('test', level, { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) });
  return { log, lines };
}

const SIGNED =
  'https://storage.googleapis.com/uploads/a.jpg?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=robot%40p&X-Goog-Signature=5f2c0ffee';
const JWT = 'eyJhbGciOiJSUzI1NiJ9.eyJlbWFpbCI6ImEifQ.c2lnbmF0dXJl';
/** A text with a secret, the secret, and what must still be there. */
const TEXTS = [
  [`GET ${SIGNED} failed`, '5f2c0ffee', 'a.jpg'],
  [`GET ${SIGNED} failed`, 'robot%40p', 'X-Goog-Algorithm=GOOG4-RSA-SHA256'],
  ['connect to http://penstock:hunter2secret@clickhouse:8123/ refused', 'hunter2secret', '@clickhouse:8123'],
  ['header was Authorization: Bearer abcdefghijklmnop', 'abcdefghijklmnop', 'Authorization'],
  [`token ${JWT} is expired`, 'c2lnbmF0dXJl', 'is expired'],
  ['https://api.example/x?access_token=s3cr3tvalue&page=2', 's3cr3tvalue', 'page=2'],
  ['GET /o/a.jpg%3FX-Goog-Signature%3D5f2c0ffee%26page%3D2', '5f2c0ffee', '%26page%3D2'],
  ['PENSTOCK_CLICKHOUSE_PASSWORD password=topsecretvalue wrong', 'topsecretvalue', 'wrong'],
  ['-----BEGIN PRIVATE KEY-----\nMIIEvQIBADAN\n-----END PRIVATE KEY----- is no key', 'MIIEvQIBADAN', 'is no key'],
] as const;

describe('a log', () => {
  it.each(TEXTS)('of %j does not have the secret, wherever it stands', (text, secret, rest) => {
    const { log, lines } = captured();
    log.warn(text);
    log.warn({ detail: text }, 'in a field');
    log.warn({ err: new Error(text, { cause: new Error(text) }) }, 'in an error');
    log.child({ group: text }).warn('in a binding');
    expect(lines).toHaveLength(4);
    for (const line of lines) {
      expect(JSON.stringify(line)).not.toContain(secret);
      expect(JSON.stringify(line)).toContain(rest);
    }
  });

  it.each(['password', 'token', 'authorization', 'apiKey', 'secret', 'cookie'])('never has the value of %s', (name) => {
    const { log, lines } = captured();
    log.info({ [name]: 'abc123', detail: { [name]: 'abc123', headers: { [name]: 'abc123' } } }, 'fields');
    expect(JSON.stringify(lines)).not.toContain('abc123');
  });

  it('leaves what is no secret as it is', () => {
    const text = 'gs://uploads/token=holiday/a.jpg#17 in penstock.image-events.bulk/3, monkey=banana, 10:30 user@host';
    expect(scrub(text).replace('[redacted]', 'holiday/a.jpg#17')).toBe(text);
    expect(scrub('{"image":"gs://uploads/2026/a.jpg#17","topic":"penstock.image-events.bulk"}')).toContain('a.jpg#17');
  });

  it('of a message that is repeated has fifty lines a second, and says how many it left out', () => {
    let now = 0;
    const sampler = new LineSampler(() => now);
    const admitted = Array.from({ length: 80 }, () => sampler.admit('again')).filter((count) => count !== undefined);
    expect(admitted).toHaveLength(50);
    expect(sampler.admit('another')).toBe(0);
    now = 1_000;
    expect(sampler.admit('again')).toBe(30);
    expect(sampler.admit('again')).toBe(0);
  });

  it('leaves out nothing that was asked for by a lower level, and no last line', () => {
    const { log, lines } = captured();
    for (let line = 0; line < 80; line += 1) {
      log.debug('asked for');
      log.fatal('last');
    }
    expect(lines).toHaveLength(160);
  });
});
