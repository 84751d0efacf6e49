import { describe, expect, it } from 'vitest';
import type { Budget, ChangeRequest } from '../../../../src/domain/index.js';
import { checkChange } from '../../../../src/workflows/capacity/check.js';

const BUDGET: Budget = {
  ...{ imagesPerDay: null, moneyPerDay: null, pricePerDetectorHour: null },
  ...{ currency: 'EUR', timeZone: 'UTC', expressBeyond: false },
};
const by = { who: 'ana@desk', why: 'tonight' };
/** Anybody may send anything: what is checked has no type yet. */
const check = (request: unknown, budget = BUDGET) => checkChange(request as ChangeRequest, budget);
const refusalOf = (change: unknown, budget = BUDGET): string => {
  try {
    check({ change, ...by }, budget);
    return 'taken';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('a change of the capacity', () => {
  it.each([
    { set: { model: 'shapes', cap: 0.5 } },
    { set: { model: 'shapes', cap: null } },
    { set: { model: 'shapes', cap: 'default' } },
    { plan: { model: 'shapes', planned: 500 } },
    { plan: { model: 'shapes', planned: null } },
    { plan: { model: 'shapes', planned: 'default' } },
    { pause: true },
    { resume: true },
    { budget: 'default' },
    { budget: { imagesPerDay: 0 } },
    { budget: { moneyPerDay: 10, pricePerDetectorHour: 0.5, currency: 'USD' } },
    { budget: { timeZone: 'Asia/Kathmandu', expressBeyond: true } },
  ])('is taken: %j', (change) => {
    expect(refusalOf(change)).toBe('taken');
  });

  it.each([
    [undefined, 'change: an object'],
    [[], 'change: an object'],
    [{}, 'a change is one of set, plan, pause, resume, budget'],
    [{ pause: true, resume: true }, 'a change is one of set, plan, pause, resume, budget'],
    [{ toString: true }, 'a change is one of set, plan, pause, resume, budget'],
    [{ pause: false }, 'pause: true'],
    [{ set: null }, 'set: an object'],
    [{ set: { model: 'Not a model', cap: 5 } }, 'model: the name of a model'],
    [{ set: { model: 'shapes', cap: 0 } }, 'cap: a number above 0 to 1000000000000; to stop: pause'],
    [{ set: { model: 'shapes', cap: -1 } }, 'cap: a number above 0 to 1000000000000; to stop: pause'],
    [{ set: { model: 'shapes', cap: '5' } }, 'cap: a number above 0 to 1000000000000; to stop: pause'],
    [{ set: { model: 'shapes' } }, 'cap: a number above 0 to 1000000000000; to stop: pause'],
    [{ plan: { model: 'shapes', planned: 0 } }, 'planned: a whole number from 1 to 500, or null for all'],
    [{ plan: { model: 'shapes', planned: 1.5 } }, 'planned: a whole number from 1 to 500, or null for all'],
    [{ plan: { model: 'shapes', planned: 501 } }, 'planned: a whole number from 1 to 500, or null for all'],
    [{ budget: null }, 'budget: an object'],
    [
      { budget: {} },
      'budget: one or more of imagesPerDay, moneyPerDay, pricePerDetectorHour, currency, timeZone, expressBeyond',
    ],
    [
      { budget: { imagesPerday: 5 } },
      'budget: one or more of imagesPerDay, moneyPerDay, pricePerDetectorHour, currency, timeZone, expressBeyond',
    ],
    [{ budget: { imagesPerDay: -1 } }, 'imagesPerDay: a number from 0 to 1000000000000'],
    [{ budget: { imagesPerDay: 1e13 } }, 'imagesPerDay: a number from 0 to 1000000000000'],
    [{ budget: { moneyPerDay: 5 } }, 'moneyPerDay: a ceiling in money needs pricePerDetectorHour'],
    [{ budget: { timeZone: 'Berlin' } }, "timeZone: 'Berlin' is no IANA time zone, like Europe/Berlin"],
    [{ budget: { timeZone: ['UTC'] } }, "timeZone: 'UTC' is no IANA time zone, like Europe/Berlin"],
    [{ budget: { currency: 'a b' } }, 'currency: like EUR'],
    [{ budget: { expressBeyond: 'yes' } }, 'expressBeyond: true or false'],
  ])('is refused with a sentence: %j', (change, sentence) => {
    expect(refusalOf(change)).toBe(sentence);
  });

  it('may not take the price away from a ceiling in money', () => {
    const money = { ...BUDGET, moneyPerDay: 10, pricePerDetectorHour: 0.5 };
    expect(refusalOf({ budget: { pricePerDetectorHour: null } }, money)).toContain('needs pricePerDetectorHour');
    expect(refusalOf({ budget: { pricePerDetectorHour: null, moneyPerDay: null } }, money)).toBe('taken');
  });

  it('says who and why, in a line', () => {
    const change = { pause: true };
    for (const wrong of [undefined, '', '  ', 'x'.repeat(201), 5]) {
      expect(() => check({ change, who: wrong, why: 'x' })).toThrow('who: text of 1 to 200 characters');
      expect(() => check({ change, who: 'x', why: wrong })).toThrow('why: text of 1 to 200 characters');
    }
    expect(() => check(undefined)).toThrow(TypeError);
  });
});
