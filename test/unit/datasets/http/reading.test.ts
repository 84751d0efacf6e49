import { expect, test } from 'vitest';
import { findAt, parseJson, type JsonAnswer } from '../../../../src/datasets/http/json.js';
import { nextOfLinkHeader } from '../../../../src/datasets/http/linkHeader.js';

function answer(text: string): JsonAnswer {
  const parsed = parseJson(Buffer.from(text));
  if (parsed === undefined) throw new Error('no JSON');
  return parsed;
}

test.each([
  ['{"a":{"b":[1,2]}}', 'a.b', '[1,2]'],
  [' [ 1 , {"x" : "y" } ] ', undefined, '[ 1 , {"x" : "y" } ]'],
  ['{"a":[{"n":1},{"n":12345678901234567890}]}', 'a.1.n', '12345678901234567890'],
  ['{"a.b":{"c":1},"a":{"b.c":2,"b":{"c":3}}}', 'a.b.c', '1'],
  ['{"a.b.c":0,"a.b":{"c":1}}', 'a.b.c', '0'],
  ['{"s":"}]\\"\\\\","n":-1.50E+2 }', 'n', '-1.50E+2'],
  ['{"x":{"s":"a\\\\\\"{"},"t":"q"}', 't', '"q"'],
  ['{"k":1,"k":2}', 'k', '2'],
  ['{"\\u006b":7}', 'k', '7'],
  ['{"__proto__":{"a":1}}', '__proto__.a', '1'],
  ['{"a":[[],[[],5]]}', 'a.1.1', '5'],
])('in %s %s is %s, as it is written', (text, path, raw) => {
  const found = findAt(answer(text), path);
  expect(found?.raw).toBe(raw);
  expect(found?.value).toEqual(JSON.parse(raw));
});

test.each(['b', 'a.x', 'a.length', 'a.-1', 'a.00', 'constructor', 'toString', 'a.0.x', 'a..b', ''])(
  'there is nothing at %j',
  (path) => {
    expect(findAt(answer('{"a":[1]}'), path)).toBeUndefined();
  },
);

test('what is found in JSON of any shape is what JSON.parse finds there', () => {
  let state = 7;
  const random = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
  const texts = ['', 'a', '"', '\\', '{', ']', 'ü', '\n', ',:', '\u2028', '\\"'];
  const value = (depth: number): unknown => {
    const kind = random(depth > 4 ? 4 : 6);
    if (kind === 0) return random(1_000) / 10;
    if (kind === 1) return texts[random(texts.length)];
    if (kind === 2) return null;
    if (kind === 3) return random(2) === 0;
    const many = Array.from({ length: random(4) }, () => value(depth + 1));
    return kind === 4 ? many : Object.fromEntries(many.map((one, index) => [`k${index}${texts[random(3)]}`, one]));
  };
  const check = (json: JsonAnswer, at: unknown, path: string[]): void => {
    const found = findAt(json, path.length === 0 ? undefined : path.join('.'));
    expect(found?.value).toEqual(at);
    expect(JSON.parse(found?.raw ?? '')).toEqual(at);
    if (typeof at === 'object' && at !== null)
      for (const [key, one] of Object.entries(at)) check(json, one, [...path, key]);
  };
  for (let round = 0; round < 200; round += 1) {
    const made = value(0);
    check(answer(JSON.stringify(made, null, random(3))), made, []);
  }
});

test.each([
  ['<https://api.example/x?p=2>; rel="next"', 'https://api.example/x?p=2'],
  ['<?p=2>;rel=next', '?p=2'],
  ['</a,b;c>; rel="prev", </n>; title="x, <y>; rel=next"; REL="Last NEXT"', '/n'],
  ['<a>; rel="next"; anchor="#x", <b>; rel=next', 'b'],
  ['<a>; rel="prev"; rel="next"', undefined],
  ['<a>; title="say \\"next\\""; rel=nextish', undefined],
  ['<a>', undefined],
  ['rel=next', undefined],
  ['<a; rel=next', undefined],
  ['', undefined],
  [undefined, undefined],
])('the link to what is next in %s is %s', (header, target) => {
  expect(nextOfLinkHeader(header)).toBe(target);
});

test('a hostile header takes no time', () => {
  const began = performance.now();
  for (const header of [
    '<a>' + ';'.repeat(16_000),
    '<a>;x="' + '\\'.repeat(16_000),
    '<'.repeat(16_000),
    '<a>;' + ' '.repeat(16_000),
  ])
    nextOfLinkHeader(header);
  expect(performance.now() - began).toBeLessThan(500);
});
