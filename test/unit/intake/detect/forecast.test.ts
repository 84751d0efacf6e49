import { describe, expect, it } from 'vitest';
import type { CapacityState, ShareHolderState } from '../../../../src/domain/index.js';
import { queueWaitMs, type WaitFacts } from '../../../../src/intake/detect/forecast.js';
import { Refusal } from '../../../../src/intake/refusal.js';
import { UsualTime } from '../../../../src/intake/detect/usual.js';

const NOW = 1_700_000_000_000;
const holder = (given: Partial<ShareHolderState>): ShareHolderState => ({
  ...{ holder: 'h', rate: null, most: null, slots: 1, standby: false, expiresAtMs: NOW },
  waiting: { express: 0, bulk: 0 },
  ...given,
});
const capacity = (
  holders: ShareHolderState[],
  given: { paused?: CapacityState['paused']; budget?: Partial<CapacityState['budget']> } = {},
): CapacityState => ({
  ...{ revision: 1, leaseMs: 30_000, unrecorded: 0, changes: [], paused: given.paused ?? null },
  models: [
    {
      model: 'shapes',
      cap: null,
      capFrom: 'configuration',
      planned: null,
      plannedFrom: 'configuration',
      leased: null,
      holders,
    },
  ],
  window: { places: 3, lanes: [], holders: [] },
  budget: {
    ...{ imagesPerDay: null, moneyPerDay: null, pricePerDetectorHour: null, currency: 'EUR', timeZone: 'UTC' },
    ...{ expressBeyond: false, from: 'configuration', day: '2023-11-14', dayEndsAtMs: NOW + 60_500, used: 0 },
    ...{ committed: 0, left: null, spent: null, pricePerImage: null, exhausted: false },
    ...given.budget,
  },
});

function forecast(given: Partial<WaitFacts>): number | Refusal {
  try {
    return queueWaitMs({
      ...{ model: 'shapes', inFlight: 0, capacity: capacity([holder({})]), usualMs: 1_000, leftMs: 5_000, nowMs: NOW },
      ...given,
    });
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

describe('the forecast of a wait', () => {
  it('is what is ahead, here and at the detectors, at the rate that they have leased together', () => {
    const two = capacity([
      holder({ rate: 3, waiting: { express: 4, bulk: 100 } }),
      holder({ rate: 1, waiting: { express: 2, bulk: 0 } }),
      holder({ rate: 0, standby: true, waiting: { express: 1, bulk: 0 } }),
    ]);
    expect(forecast({ capacity: two, inFlight: 5 })).toBe(3_000);
    expect(forecast({ capacity: capacity([holder({ rate: 3 }), holder({ rate: null })]), inFlight: 500 })).toBe(0);
  });

  it('is only what an image usually takes where the capacity is not known', () => {
    expect(forecast({ capacity: undefined, inFlight: 100 })).toBe(0);
    expect(forecast({ capacity: undefined, usualMs: 5_001 })).toMatchObject({ kind: 'busy' });
  });

  it.each([
    { ahead: 40, leftMs: 21_000, answer: 20_000 },
    { ahead: 40, leftMs: 20_999, answer: 1 },
    { ahead: 40, leftMs: 5_000, answer: 16 },
    { ahead: 40, leftMs: 5_500, answer: 16 },
    { ahead: 1_000_000, leftMs: 5_000, answer: 3_600 },
  ])('$ahead ahead at 2 a second, $leftMs ms left: $answer', ({ ahead, leftMs, answer }) => {
    const found = forecast({ capacity: capacity([holder({ rate: 2 })]), inFlight: ahead, leftMs });
    if (found instanceof Refusal) expect([found.status, found.told.retryAfterS]).toEqual([429, answer]);
    else expect(found).toBe(answer);
  });

  it.each([
    [
      'paused',
      capacity([holder({})], { paused: { who: 'ann', why: 'audit', sinceMs: 0 } }),
      'paused by ann: audit',
      30,
    ],
    ['without budget', capacity([holder({})], { budget: { exhausted: true } }), 'the budget of the day is used up', 61],
    [
      'without budget for hours',
      capacity([holder({})], { budget: { exhausted: true, dayEndsAtMs: NOW + 9e6 } }),
      'the budget of the day is used up',
      3_600,
    ],
    ['without detectors', capacity([]), 'no detector of shapes has a lease', 30],
    [
      'with detectors that stand by',
      capacity([holder({ standby: true, rate: 0 })]),
      'no detector of shapes has a lease',
      30,
    ],
  ])('is refused with 503 %s', (_name, state, message, retryAfterS) => {
    expect(forecast({ capacity: state })).toMatchObject({ status: 503, message, told: { retryAfterS } });
  });

  it('is given beyond the budget where express images may', () => {
    expect(forecast({ capacity: capacity([holder({})], { budget: { exhausted: true, expressBeyond: true } }) })).toBe(
      0,
    );
  });

  it('is of detectors of that model alone', () => {
    expect(forecast({ model: 'other' })).toMatchObject({ kind: 'no_detector' });
  });
});

describe('what an image usually takes', () => {
  it('is a second at first, then the 95th percentile of the last hundred', () => {
    const usual = new UsualTime();
    expect(usual.ms(0)).toBe(1_000);
    for (let index = 1; index <= 100; index += 1) usual.saw(10_000, 0);
    for (let index = 1; index <= 100; index += 1) usual.saw(index, 0);
    expect(usual.ms(0)).toBe(95);
  });

  it('is a second again once all are older than a minute: slow ones can not keep everybody out for ever', () => {
    const usual = new UsualTime();
    usual.saw(50_000, 0);
    expect([usual.ms(59_999), usual.ms(60_000)]).toEqual([50_000, 1_000]);
  });
});
