import { describe, expect, test } from 'vitest';
import { routeWarnings, RouteTable, type RouteRule } from '../../../src/routing/index.js';
import { seededRandom, type Random } from '../../../src/scenes/random.js';

type Target = { ignore: true } | { model?: string; lane?: string; deadlineMs?: number };

function rule(line: number, bucket: string, prefix: string, target: Target = {}): RouteRule {
  const place = { line, bucket, prefix };
  return 'ignore' in target
    ? { ...place, ignore: true }
    : { ...place, ignore: false, model: 'shapes', lane: 'bulk', ...target };
}

describe('the longest prefix wins', () => {
  const table = new RouteTable([
    rule(1, 'a', 'x/'),
    rule(2, 'a', 'x/y'),
    rule(3, 'a', 'x/y/z/'),
    rule(4, 'b', ''),
    rule(5, 'b', 'x/y/'),
  ]);
  test.each([
    ['a', 'x/1', 1],
    ['a', 'x/', 1],
    ['a', 'x', undefined],
    ['a', 'x/y', 2],
    ['a', 'x/yz', 2],
    ['a', 'x/y/z', 2],
    ['a', 'x/y/z/1', 3],
    ['a', 'X/1', undefined],
    ['b', 'x/y', 4],
    ['b', 'x/y/1', 5],
    ['c', 'x/1', undefined],
    ['toString', 'x/1', undefined],
  ])('%s: %s takes line %s', (bucket, object, line) => expect(table.find({ bucket, object })?.line).toBe(line));
});

/** Short names of few letters, so that prefixes meet. */
const name = (random: Random, most: number): string =>
  Array.from({ length: random.integer(0, most) }, () => random.pick(['a', 'b', '/', '😀'])).join('');

test('the order of routes does not matter, and the answer is that of looking at all of them', () => {
  for (let seed = 0; seed < 200; seed += 1) {
    const random = seededRandom(seed);
    const places = new Set(Array.from({ length: 12 }, () => `${random.pick(['p', 'q'])}:${name(random, 5)}`));
    const rules = [...places].map((place, line) => rule(line, place.slice(0, 1), place.slice(2)));
    const shuffled = new RouteTable(rules.toSorted(() => random.between(-1, 1)));
    const table = new RouteTable(rules);
    for (let objects = 0; objects < 20; objects += 1) {
      const object = { bucket: random.pick(['p', 'q', 'r']), object: name(random, 8) };
      const [longest] = rules
        .filter(({ bucket, prefix }) => bucket === object.bucket && object.object.startsWith(prefix))
        .sort((a, b) => b.prefix.length - a.prefix.length);
      expect(table.find(object)).toBe(longest);
      expect(shuffled.find(object)).toBe(longest);
    }
  }
});

test('warns of routes that change nothing, take nothing or begin with a slash, and of no others', () => {
  const table = new RouteTable([
    rule(1, 'a', ''),
    rule(2, 'a', 'same/'),
    rule(3, 'a', 'fast/', { lane: 'express' }),
    rule(4, 'a', 'fast/but/', { lane: 'express', deadlineMs: 1 }),
    rule(5, 'a', 'fast/but/back/'),
    rule(6, 'a', 'none/', { ignore: true }),
    rule(7, 'a', 'none/either/', { ignore: true }),
    rule(8, 'b', 'none/', { ignore: true }),
    rule(9, 'a', '/rooted/', { model: 'other' }),
    rule(10, 'c', 'x/'),
  ]);
  expect(routeWarnings(table, ['a', 'b']).map(({ line, message }) => `${line}: ${message}`)).toEqual([
    "2: a 'same/': changes nothing: line 1 (prefix '') sends its objects the same way",
    "7: a 'none/either/': changes nothing: line 6 (prefix 'none/') sends its objects the same way",
    "8: b 'none/': changes nothing: no wider route would take these objects",
    "9: a '/rooted/': names of objects rarely begin with '/': gs://bucket/a.jpg has the name a.jpg",
    "10: c 'x/': takes nothing: PENSTOCK_BUCKETS does not have 'c'",
  ]);
  expect(routeWarnings(table, []).map(({ line }) => line)).toEqual([2, 7, 8, 9]);
});
