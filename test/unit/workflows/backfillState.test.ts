import { describe, expect, it } from 'vitest';
import {
  NOTHING_COUNTED,
  type BackfillCounts,
  type BackfillInput,
  type BackfillPageOutcome,
} from '../../../src/domain/index.js';
import { BackfillState } from '../../../src/workflows/backfillState.js';

const input = (but: Partial<BackfillInput> = {}): BackfillInput => ({
  bucket: 'uploads',
  prefix: 'a/',
  missing: false,
  dryRun: false,
  pace: { imagesPerSecond: 100, ahead: 1_000 },
  ...but,
});
const page = (counts: Partial<BackfillCounts>, last?: string, isEnd = false): BackfillPageOutcome => ({
  kind: 'page',
  counts: { ...NOTHING_COUNTED, ...counts },
  ...(last === undefined ? {} : { last }),
  isEnd,
});
const waiting: BackfillPageOutcome = { kind: 'waiting', what: 'ClickHouse: away', patienceMs: 10_000 };
const full: BackfillPageOutcome = { kind: 'full', what: '1200 images wait', lane: 'bulk' };

describe('a backfill', () => {
  it('goes on after the last object of each page, and adds its counts up', () => {
    const state = new BackfillState(input({ startAfter: 'a/0' }), 0);
    expect(state.nextPage('s').after).toBe('a/0');
    state.take(page({ listed: 500, enqueued: 400, older: 100 }, 'a/5'), 0, 0);
    expect(state.nextPage('s').after).toBe('a/5');
    expect(state.take(page({ listed: 2, enqueued: 1, older: 1 }, 'a/6', true), 0, 0)).toEqual({ kind: 'end' });
    expect(state.progress).toMatchObject({ state: 'done', position: 'a/6' });
    expect(state.progress.counts).toMatchObject({ listed: 502, enqueued: 401, older: 101 });
  });

  it('enqueues no more than its rate on average, and waits for nothing that was skipped', () => {
    const state = new BackfillState(input(), 0);
    expect(state.take(page({ listed: 500, enqueued: 500 }, 'a'), 0, 800)).toEqual({ kind: 'sleep', ms: 4_200 });
    expect(state.take(page({ listed: 500, detected: 500 }, 'b'), 0, 800)).toEqual({ kind: 'sleep', ms: 0 });
  });

  it('takes pages of five seconds of its rate, never larger than what may wait in the lane', () => {
    expect(new BackfillState(input(), 0).nextPage('s').objects).toBe(500);
    expect(new BackfillState(input({ pace: { imagesPerSecond: 100, ahead: 40 } }), 0).nextPage('s').objects).toBe(40);
    expect(new BackfillState(input({ pace: { imagesPerSecond: 0.1, ahead: 40 } }), 0).nextPage('s').objects).toBe(1);
    const changed = new BackfillState(input(), 0);
    changed.setPace({ imagesPerSecond: 10 });
    expect(changed.nextPage('s')).toMatchObject({ objects: 50, ahead: 1_000 });
  });

  it('waits for a lane that is full as long as it takes, and looks at that lane first', () => {
    const state = new BackfillState(input(), 0);
    const waits = Array.from({ length: 6 }, (_, hour) => state.take(full, 0, hour * 3_600_000));
    expect(waits.map((step) => (step.kind === 'sleep' ? step.ms : step.kind))).toEqual([
      1_000, 2_000, 4_000, 8_000, 10_000, 10_000,
    ]);
    expect(state.nextPage('s').fullLane).toBe('bulk');
    expect(state.progress).toMatchObject({ state: 'full', why: '1200 images wait', position: '' });
    state.take(page({ listed: 1 }, 'a'), 0, 0);
    expect(state.nextPage('s').fullLane).toBeUndefined();
  });

  it('fails when a server stays away for longer than it makes sense to wait, counted anew after each page', () => {
    const state = new BackfillState(input(), 0);
    expect(state.take(waiting, 0, 1_000).kind).toBe('sleep');
    expect(state.take(waiting, 0, 9_000).kind).toBe('sleep');
    state.take(page({ listed: 1 }, 'a'), 0, 10_000);
    expect(state.take(waiting, 0, 15_000).kind).toBe('sleep');
    expect(state.take(waiting, 0, 24_000).kind).toBe('sleep');
    expect(state.take(waiting, 0, 26_000)).toEqual({ kind: 'fail', why: 'ClickHouse: away' });
  });

  it('begins to count anew when it waits for something else, which may be waited for less long', () => {
    const missing: BackfillPageOutcome = { kind: 'waiting', what: 'no bucket', patienceMs: 1_000 };
    const state = new BackfillState(input(), 0);
    expect(state.take(waiting, 0, 1_000).kind).toBe('sleep');
    expect(state.take(missing, 0, 9_000).kind).toBe('sleep');
    expect(state.take(missing, 0, 10_000).kind).toBe('sleep');
    expect(state.take(missing, 0, 10_500)).toEqual({ kind: 'fail', why: 'no bucket' });
  });

  it('says with its failure how to go on, whatever the name of the last object', () => {
    const state = new BackfillState(input(), 0);
    expect(state.describeStop('no bucket')).toBe('no bucket; 0 of 0 objects were enqueued');
    state.take(page({ listed: 2, enqueued: 1 }, "a/it's.jpg"), 0, 0);
    expect(state.describeStop('no bucket')).toBe(
      `no bucket; 1 of 2 objects were enqueued; to go on from there: --start-after 'a/it'\\''s.jpg'`,
    );
  });

  it('goes on in a new run where the one before stood', () => {
    const first = new BackfillState(input(), 5);
    first.take(page({ listed: 7, enqueued: 7 }, 'a/7'), 5, 5);
    first.take(waiting, 5, 100);
    const second = new BackfillState(input({ progress: first.progress }), 9_000);
    expect(second.progress).toEqual(first.progress);
    expect(second.nextPage('s').after).toBe('a/7');
    expect(second.take(waiting, 9_000, 10_200)).toEqual({ kind: 'fail', why: 'ClickHouse: away' });
  });
});
