import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/index.js';
import { createKeyCheck } from '../../../src/intake/keys.js';

const A = 'a'.repeat(32);
const B = 'b'.repeat(40);
const C = 'c'.repeat(40);
const keys = (list: string) => loadConfig({ PENSTOCK_API_KEYS: list }).PENSTOCK_API_KEYS;

describe('a key', () => {
  const list = keys(`detect@one-bucket:${A}, detect@two-bucket:${A},detect:${B},datasets@orders:${A},datasets:${C}`);
  const check = createKeyCheck(list, 'detect');
  const checkDatasets = createKeyCheck(list, 'datasets');

  it('may use the buckets that it names, or any', () => {
    const buckets = ['one-bucket', 'two-bucket', 'three-bucket', 'orders'];
    const has = (token: string): boolean[] => buckets.map((name) => check(`Bearer ${token}`).has(name));
    expect(has(A)).toEqual([true, true, false, false]);
    expect(has(B)).toEqual([true, true, true, true]);
    expect(check(`bearer ${B}`).names).toBeUndefined();
  });

  it('may do with each scope only what it names there', () => {
    expect(checkDatasets(`Bearer ${A}`).names).toEqual(['orders']);
    expect(['orders', 'one-bucket'].map(checkDatasets(`Bearer ${A}`).has)).toEqual([true, false]);
    expect(checkDatasets(`Bearer ${C}`).has('anything')).toBe(true);
  });

  it.each([undefined, '', `Basic ${A}`, `Bearer ${A}a`, `Bearer ${A.slice(1)}`, `Bearer detect:${B}`])(
    'is wanted, and none other will do: %s',
    (authorization) => {
      expect(() => check(authorization)).toThrow(expect.objectContaining({ status: 401 }) as Error);
    },
  );

  it('of another scope is 403', () => {
    const forbidden = expect.objectContaining({ status: 403 }) as Error;
    expect(() => checkDatasets(`Bearer ${B}`)).toThrow(forbidden);
    expect(() => check(`Bearer ${C}`)).toThrow(forbidden);
  });

  it.each([
    [B, 'key 1 is not scope:token'],
    [`detect:${B},all:${B}`, 'key 2 has none of the scopes detect, datasets'],
    [`constructor:${B}`, 'key 1 has none of the scopes'],
    [`detect@:${B}`, 'key 1 names no bucket'],
    [`datasets:${B},datasets@one-bucket:${B}`, 'key 2 names no dataset'],
    [`datasets@orders@items:${B}`, 'key 1 names no dataset'],
    [`detect:${B.slice(9)}`, 'key 1 has a token that'],
  ])('is refused in the configuration without being repeated: %s', (wrong, message) => {
    const load = (): unknown => keys(wrong);
    expect(load).toThrow(message);
    expect(load).not.toThrow(B.slice(9));
  });
});
