import { expect, it } from 'vitest';
import { placeOf } from '../../../src/stream/index.js';

it.each([
  ['taken below what is committed', 4n, 'taken'],
  ['waiting from there on', 5n, 'waiting'],
  ['gone beyond the end of the log: the topic was made again', 10n, 'gone'],
])('a record is %s', (_, offset, place) => {
  expect(placeOf(offset, { low: 0n, high: 10n, committed: 5n })).toBe(place);
});

it('a record that was deleted unread is gone, and so is one of a partition that is not there', () => {
  expect(placeOf(6n, { low: 8n, high: 10n, committed: 5n })).toBe('gone');
  expect(placeOf(6n, undefined)).toBe('gone');
});
