import { describe, expect, it } from 'vitest';
import type { SourceEvidence } from '../../../src/domain/index.js';
import { BreakerBoard } from '../../../src/workflows/breakerBoard.js';

const SETTINGS = { minImages: 20, probeMs: 1_000, maxProbeMs: 8_000 };
const SOURCE = { bucket: 'uploads', model: 'shapes' };
const MINUTE = 60_000;

const board = (): BreakerBoard => new BreakerBoard({ settings: SETTINGS, open: [], seen: [] });
const evidence = (failing: number, working = 0, but: Partial<SourceEvidence> = {}): SourceEvidence => ({
  ...{ ...SOURCE, reason: 'FORBIDDEN', detail: 'no objects.get', failing, working },
  ...but,
});
const opened = (): BreakerBoard => {
  const one = board();
  one.add([evidence(20)], 0);
  return one;
};

describe('the breakers', () => {
  it('opens when enough images and most of the last ones fail, and says why', () => {
    const one = board();
    one.add([evidence(10, 1)], 0);
    one.add([evidence(9, 1)], 1_000);
    expect(one.state().open).toEqual([]);
    one.add([evidence(1)], 2_000);
    expect(one.state().open).toEqual([
      {
        ...{ ...SOURCE, reason: 'FORBIDDEN', detail: 'no objects.get', failing: 20, of: 22 },
        ...{ openedAtMs: 2_000, nextProbeAtMs: 3_000, probes: 0 },
      },
    ]);
  });

  it('stays closed while most images of the source work, however many fail', () => {
    const one = board();
    for (let batch = 0; batch < 200; batch += 1) one.add([evidence(2, 254)], batch);
    expect(one.state().open).toEqual([]);
  });

  it('opens for an outage that shows in several ways, and names the one that most images show', () => {
    const one = board();
    for (let batch = 0; batch < 10; batch += 1)
      one.add([evidence(1, 1, { reason: 'DOWNLOAD_TIMEOUT' }), evidence(1, 0, { reason: 'DOWNLOAD_FAILED' })], batch);
    expect(one.state().open).toMatchObject([{ reason: 'DOWNLOAD_TIMEOUT', failing: 20, of: 30 }]);
  });

  it('counts evidence of several reasons that come by turns, however much is asked for', () => {
    const one = new BreakerBoard({ settings: { ...SETTINGS, minImages: 150 }, open: [], seen: [] });
    const reasons = ['FORBIDDEN', 'MODEL_FAILED', 'WORKER_LOST'] as const;
    for (let batch = 0; batch < 150; batch += 1)
      one.add([evidence(1, 0, { reason: reasons[batch % 3] ?? 'FORBIDDEN' })], batch);
    expect(one.state().open).toMatchObject([{ failing: 150, of: 150 }]);
  });

  it('forgets what was seen more than five minutes ago', () => {
    const one = board();
    one.add([evidence(19)], 0);
    one.add([evidence(19)], 6 * MINUTE);
    expect(one.state().open).toEqual([]);
  });

  it('knows buckets and models apart', () => {
    const one = board();
    one.add([evidence(19), evidence(19, 0, { bucket: 'other' }), evidence(19, 0, { model: 'other' })], 0);
    expect(one.state().open).toEqual([]);
    one.add([evidence(1, 0, { bucket: 'other' })], 1);
    expect(one.state().open.map(({ bucket, model }) => `${bucket}/${model}`)).toEqual(['other/shapes']);
  });

  it('closes when a probe went well, and puts the next one off, twice as long each time, when it did not', () => {
    const one = opened();
    const waits = [1, 2, 3, 4, 5].map((probe) => {
      one.probed({ ...SOURCE, failing: 10, working: 0, reason: 'FORBIDDEN' }, 100 * probe);
      return (one.state().open[0]?.nextProbeAtMs ?? 0) - 100 * probe;
    });
    expect(waits).toEqual([2_000, 4_000, 8_000, 8_000, 8_000]);
    one.probed({ ...SOURCE, failing: 0, working: 0 }, 900);
    expect(one.state().open).toHaveLength(1);
    one.probed({ ...SOURCE, failing: 4, working: 6 }, 1_000);
    expect(one.state().open).toEqual([]);
    one.add([evidence(19)], 2_000);
    expect(one.state().open).toEqual([]);
  });

  it('is opened and closed by hand; what a person opened no probe closes', () => {
    const one = board();
    one.decide({ ...SOURCE, open: true, why: 'ana: bucket moves' }, 5);
    expect(one.state().open).toEqual([
      { ...SOURCE, reason: 'BY_HAND', detail: 'ana: bucket moves', failing: 0, of: 0, openedAtMs: 5, probes: 0 },
    ]);
    one.probed({ ...SOURCE, failing: 0, working: 10 }, 6);
    expect(one.state().open).toHaveLength(1);
    one.decide({ ...SOURCE, open: false, why: 'done' }, 7);
    expect(one.state().open).toEqual([]);
  });

  it('goes on from its snapshot with what it knew', () => {
    const one = board();
    one.add([evidence(20, 0, { bucket: 'locked' }), evidence(19)], 0);
    const two = new BreakerBoard(JSON.parse(JSON.stringify(one.snapshot(1))) as ReturnType<BreakerBoard['snapshot']>);
    expect(two.state()).toEqual(one.state());
    two.add([evidence(1)], 2);
    expect(two.state().open).toHaveLength(2);
  });

  it('keeps its memory small, however many sources fail and however often', () => {
    const one = board();
    for (let source = 0; source < 3_000; source += 1) one.add([evidence(1, 5, { bucket: `bucket-${source}` })], source);
    for (let batch = 0; batch < 3_000; batch += 1) one.add([evidence(1, 5)], 3_000);
    const { seen } = one.snapshot(3_000);
    expect(seen.length).toBeLessThanOrEqual(1_050);
    const ours = seen.filter(({ evidence: { bucket } }) => bucket === 'uploads');
    expect(ours.reduce((sum, { evidence: { failing } }) => sum + failing, 0)).toBe(3_000);
  });

  it('continues as new within what Temporal takes', () => {
    const long = 'x'.repeat(2_000);
    const bucket = (index: number) => `${'b'.repeat(215)}-${index}`;
    const one = board();
    for (let source = 0; source < 1_000; source += 1)
      one.add([evidence(20, 0, { bucket: bucket(source), detail: long })], 0);
    for (let source = 1_000; source < 3_000; source += 1)
      for (let batch = 0; batch < 3; batch += 1) one.add([evidence(1, 5, { bucket: bucket(source), detail: long })], 1);
    const snapshot = one.snapshot(2);
    expect(snapshot.open).toHaveLength(1_000);
    expect(JSON.stringify(snapshot).length).toBeLessThan(1_500_000);
    expect(snapshot.seen.at(-1)?.evidence.bucket).toBe(bucket(2_999));
  });
});
