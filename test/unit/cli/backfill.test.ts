import { describe, expect, it } from 'vitest';
import { readRequest } from '../../../src/cli/backfill/options.js';
import { progressText, reportText } from '../../../src/cli/backfill/report.js';
import { parseDuration, parseSince } from '../../../src/cli/duration.js';
import { NOTHING_COUNTED } from '../../../src/domain/index.js';

const NOW = Date.parse('2026-01-31T12:00:00Z');

describe('the command line of a backfill', () => {
  it('takes the prefix as the bucket has it, never decoded', () => {
    const { options } = readRequest('gs://my-uploads/2026/ü %20#1', {}, NOW);
    expect(options).toEqual({ bucket: 'my-uploads', prefix: '2026/ü %20#1', missing: false, dryRun: false });
    expect(readRequest('gs://my-uploads', {}, NOW).options.prefix).toBe('');
    expect(readRequest('gs://my-uploads/', {}, NOW).options.prefix).toBe('');
  });

  it.each([
    ['uploads', {}, /gs:\/\/bucket/],
    ['gs://', {}, /no name of a bucket/],
    ['gs://Up Loads/x', {}, /no name of a bucket/],
    ['gs://uploads/a\nb', {}, /line break/],
    [`gs://uploads/${'ü'.repeat(513)}`, {}, /1024 bytes/],
    ['gs://uploads', { rate: '0' }, /--rate '0': a number from 0.1/],
    ['gs://uploads', { rate: 'fast' }, /--rate 'fast'/],
    ['gs://uploads', { ahead: '-1' }, /--ahead '-1'/],
    ['gs://uploads', { model: 'shapes@1a2b' }, /without its hash/],
    ['gs://uploads', { since: 'yesterday' }, /--since 'yesterday'/],
    ['gs://uploads/a/', { startAfter: 'b' }, /--start-after/],
  ])('refuses %j %j', (url, flags, why) => {
    expect(() => readRequest(url, flags, NOW)).toThrow(why);
  });

  it('means the same backfill by the same bucket, prefix and options, whenever and however fast', () => {
    const id = (flags: Parameters<typeof readRequest>[1], nowMs = NOW) =>
      readRequest('gs://uploads/a', flags, nowMs).workflowId;
    expect(id({ since: '2h' })).toBe(id({ since: '2h', rate: '5', ahead: '9', json: true }, NOW + 60_000));
    const all = [
      {},
      { missing: true },
      { dryRun: true },
      { since: '2h' },
      { model: 'm' },
      { lane: 'm' },
      { startAfter: 'a1' },
    ];
    expect(new Set(all.map((flags) => id(flags))).size).toBe(all.length);
  });
});

it('a duration is digits and a unit; a point in time needs an offset, and lies in the past', () => {
  expect(['90s', '15m', '2h', '3d'].map(parseDuration)).toEqual([90_000, 900_000, 7_200_000, 259_200_000]);
  expect(['', '2', 'h', '2 h', '-2h', '1.5h', '2w'].map(parseDuration)).toEqual(Array(7).fill(undefined));
  expect(parseSince('2h', '--since', NOW)).toBe(NOW - 7_200_000);
  expect(parseSince('2026-01-30', '--since', NOW)).toBe(Date.parse('2026-01-30T00:00:00Z'));
  expect(parseSince('2026-01-30T10:00:00+02:00', '--since', NOW)).toBe(Date.parse('2026-01-30T08:00:00Z'));
  expect(() => parseSince('2026-01-30T10:00:00', '--since', NOW)).toThrow(/ISO time/);
  expect(() => parseSince('2026-02-01', '--since', NOW)).toThrow(/future/);
  for (const none of ['2025-02-30', '2025-04-31T10:00Z', '2025-13-01', '2025-01-01T25:00Z'])
    expect(() => parseSince(none, '--since', NOW)).toThrow(/ISO time/);
});

it('says where it stands, what it waits for, and what was skipped', () => {
  const counts = { ...NOTHING_COUNTED, listed: 12, enqueued: 9, detected: 3 };
  const progress = {
    ...{ why: '', counts, position: 'a/ü 1.jpg', startedAtMs: NOW, waitingSinceMs: 0 },
    pace: { imagesPerSecond: 1, ahead: 1 },
  };
  expect(progressText({ ...progress, state: 'working' }, false, 4)).toBe(
    '12 listed · 9 enqueued · 3 detected already · 4.0 objects/s · at "a/ü 1.jpg"',
  );
  expect(progressText({ ...progress, state: 'waiting', why: 'Kafka: away' }, true, 0)).toContain(
    'waiting: Kafka: away',
  );
  expect(progressText(undefined, false, 0)).toContain('no orchestrator answers');
  const report = { workflowId: 'w', dryRun: false, position: null, startedAt: null };
  expect(reportText({ ...report, status: 'failed', counts, message: 'there is no bucket' })).toBe(
    'Failed: there is no bucket\n12 listed · 9 enqueued · 3 detected already',
  );
});
