import { describe, expect, it, vi } from 'vitest';
import { isTimeZone, localDay } from '../../../src/domain/index.js';

const HOUR_MS = 3_600_000;

describe('a day of a time zone', () => {
  it.each([
    ['UTC', '2026-03-29T12:00:00Z', '2026-03-29', '2026-03-30T00:00:00Z', 24],
    ['Europe/Berlin', '2026-03-29T00:30:00Z', '2026-03-29', '2026-03-29T22:00:00Z', 23],
    ['Europe/Berlin', '2026-10-25T12:00:00Z', '2026-10-25', '2026-10-25T23:00:00Z', 25],
    ['Asia/Kathmandu', '2026-06-01T00:00:00Z', '2026-06-01', '2026-06-01T18:15:00Z', 24],
    ['America/St_Johns', '2026-06-01T02:29:59.999Z', '2026-05-31', '2026-06-01T02:30:00Z', 24],
    // Samoa crossed the date line: after the 29th came the 31st.
    ['Pacific/Apia', '2011-12-30T09:59:59.999Z', '2011-12-29', '2011-12-30T10:00:00Z', 24],
    ['Pacific/Apia', '2011-12-30T10:00:00Z', '2011-12-31', '2011-12-31T10:00:00Z', 24],
    // In São Paulo the clocks went forward at midnight: the day began at 01:00.
    ['America/Sao_Paulo', '2018-11-04T03:00:00Z', '2018-11-04', '2018-11-05T02:00:00Z', 23],
  ])('%s at %s: %s, until %s, after %i hours', (timeZone, at, name, end, hours) => {
    const endsAtMs = Date.parse(end);
    expect(localDay(Date.parse(at), timeZone)).toEqual({ name, endsAtMs });
    expect(localDay(endsAtMs - hours * HOUR_MS, timeZone)).toEqual({ name, endsAtMs });
    expect(localDay(endsAtMs - hours * HOUR_MS - 1, timeZone).name).not.toBe(name);
    expect(localDay(endsAtMs - 1, timeZone)).toEqual({ name, endsAtMs });
    expect(localDay(endsAtMs, timeZone).name > name).toBe(true);
  });

  it('is worked out once: whoever asks again inside it costs next to nothing', () => {
    const Real = Intl.DateTimeFormat;
    let asked = 0;
    const made = vi.spyOn(Intl, 'DateTimeFormat').mockImplementation(function (...options) {
      const [real, plain] = [new Real(...options), new Real(...options)];
      const value = (at?: Date | number): string => {
        asked += 1;
        return plain.format(at);
      };
      return Object.defineProperty(real, 'format', { value });
    });
    const at = Date.parse('2026-05-05T10:00:00Z');
    const day = localDay(at, 'Australia/Lord_Howe');
    expect(asked).toBeLessThan(40);
    asked = 0;
    for (let ms = 0; ms < 1_000; ms += 1) expect(localDay(at + ms, 'Australia/Lord_Howe')).toEqual(day);
    expect([made.mock.calls.length, asked]).toEqual([1, 0]);
    vi.restoreAllMocks();
  });

  it('is known in every zone of the runtime', () => {
    for (const timeZone of Intl.supportedValuesOf('timeZone'))
      expect(localDay(Date.parse('2026-01-01T12:00:00Z'), timeZone).name).toMatch(/^\d{4}-\d\d-\d\d$/);
  });

  it('is of no zone that the runtime does not know', () => {
    const zones = ['UTC', 'Europe/Berlin', 'Nowhere/City', '', 'Berlin'];
    expect(zones.filter(isTimeZone)).toEqual(['UTC', 'Europe/Berlin']);
    expect(() => localDay(0, 'Nowhere/City')).toThrow(RangeError);
  });
});
