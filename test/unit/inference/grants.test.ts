import { expect, test } from 'vitest';
import { Grants } from '../../../src/inference/grants.js';

test('tokens that came one by one are taken together, each with the time of its own grant', () => {
  const grants = new Grants();
  for (const atMs of [10, 20, 30]) grants.add(1, atMs);
  grants.add(4, 40);
  expect(grants.take(5)).toEqual([10, 20, 30, 40, 40]);
  expect(grants.take(8)).toEqual([40, 40]);
  expect(grants.take(8)).toEqual([]);
});
