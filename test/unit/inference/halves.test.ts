import { expect, test } from 'vitest';
import { fromHalves, toHalves } from '../../../src/inference/model/halves.js';

test('every half is the same after it was a float', () => {
  const all = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);
  const floats = fromHalves(all);
  const back = toHalves(floats);
  all.forEach((bits, at) => {
    if (Number.isNaN(floats[at])) expect((back[at] ?? 0) & 0x7fff).toBeGreaterThan(0x7c00);
    else if (back[at] !== bits) expect([bits, back[at]]).toEqual([bits, bits]);
  });
});

test.each([
  ['1', 1, 0x3c00],
  ['-2', -2, 0xc000],
  ['the largest', 65504, 0x7bff],
  ['too large', 65520, 0x7c00],
  ['the smallest', 2 ** -24, 1],
  ['half of the smallest, a tie to 0', 2 ** -25, 0],
  ['more than half of the smallest', 1.5 * 2 ** -25, 1],
  ['a tie to the even one below', 1 + 2 ** -11, 0x3c00],
  ['a tie to the even one above', 1 + 3 * 2 ** -11, 0x3c02],
  ['a carry into the exponent', 2 - 2 ** -12, 0x4000],
  ['the smallest normal one, from below', 2 ** -14 - 2 ** -26, 0x400],
])('%s is the nearest half', (_, number, bits) => {
  expect(toHalves(Float32Array.of(number))[0]).toBe(bits);
});
