import { describe, expect, it, test } from 'vitest';
import { readTypeText, typeText } from '../../../../src/datasets/tables/columnTypes.js';
import { compact, expressionProblem, namesIn } from '../../../../src/datasets/tables/expressions.js';
import { identifier, literal, stagingName } from '../../../../src/datasets/tables/index.js';
import { readTtl, secondsText } from '../../../../src/datasets/tables/ttl.js';

describe('one expression', () => {
  it.each([
    'at',
    'toYYYYMM(at)',
    '(toYYYYMM(at), region)',
    "concat(a, ';', 'it''s -- no /* comment', 'a\\'b)')",
    '`odd; name`',
    '"odd ) name"',
    'a - -1',
    'arrayMap(x -> x + 1, [1, 2])[1]',
    'if(a = 1, 2.5e3, a % 3)',
    'a ? b : c',
  ])('is %s', (text) => expect(expressionProblem(text)).toBeUndefined());

  it.each([
    ['', /empty/],
    [' \n', /empty/],
    ['a, b', /two expressions/],
    ['a;', /";" outside of quotes/],
    ['a) ORDER BY (b', /closes nothing/],
    ['f(a', /a \) is missing/],
    ['f(a]', /closes nothing/],
    ['a -- b', /comment/],
    ['a--1', /comment/],
    ['a /* b */', /comment/],
    ['a # b', /"#" outside/],
    ["'a", /quote is not closed/],
    ["'a\\'", /quote is not closed/],
    ['`a', /quote is not closed/],
    ['$$a$$', /"\$" outside/],
    ['{a:String}', /"\{" outside/],
    ['(SELECT 1)', /a query/],
    ['(select 1)', /a query/],
    ['a\0b', /outside/],
    ['‘a’', /outside/],
    ['größe', /outside/],
    ['a\\b', /outside/],
  ])('is not %j', (text, problem) => expect(expressionProblem(text)).toMatch(problem));
});

test('expressions are compared without spaces that mean nothing', () => {
  expect(compact(' f ( a , 1 ) ')).toBe('f(a,1)');
  expect(compact("a AND  b = ' x  y '")).toBe("a AND b=' x  y '");
  expect(compact('ab')).not.toBe(compact('a b'));
});

test('an expression names its columns, quoted or not', () => {
  const names = namesIn('concat(a, `b c`, "d", \'e\')');
  expect(['a', 'b c', 'd', 'e'].filter((name) => names.has(name))).toEqual(['a', 'b c', 'd']);
});

test('names and texts stay names and texts', () => {
  expect(identifier('a`; DROP TABLE b \\')).toBe('`a\\`; DROP TABLE b \\\\`');
  expect(literal("it's \\ \n\0 ü")).toBe("'it\\'s \\\\ \\n\\0 ü'");
  expect(() => stagingName('orders', 'a`b')).toThrow(/no part of a name/);
});

it.each([
  "Enum8('it\\'s' = 1, 'a\\\\' = 2, 'x\\' = 5, \\'y' = 3)",
  'Array(LowCardinality(Nullable(String)))',
  "DateTime64(3, 'Europe/Berlin')",
  'Decimal(18, 2)',
])('%s is read and written again', (text) => {
  const type = readTypeText(text);
  expect(type && typeText(type)).toBe(text);
});

it.each(["Enum8('a' = 2)", "Enum8('a' = -1, 'b' = 1)", 'Map(String, String)', 'Decimal(18,2)'])(
  '%s is none that a manifest makes',
  (text) => expect(readTypeText(text)).toBeUndefined(),
);

test('an enum of more than 127 values is an Enum16', () => {
  const values = Array.from({ length: 128 }, (_, index) => `v${index}`);
  expect(typeText({ kind: 'enum', values })).toMatch(/^Enum16\(.*'v127' = 128\)$/);
  expect(typeText({ kind: 'enum', values: values.slice(1) })).toMatch(/^Enum8\(/);
});

test('a ttl is read from what the engine says', () => {
  expect(readTtl('MergeTree ORDER BY id SETTINGS index_granularity = 8192')).toBeUndefined();
  expect(readTtl("MergeTree ORDER BY id TTL toDateTime64(at, 0, 'UTC') + toIntervalSecond(60) SETTINGS a = 1")).toEqual(
    {
      column: 'at',
      seconds: 60,
    },
  );
  expect(readTtl('MergeTree ORDER BY id TTL at + toIntervalDay(1)')).toBe('other');
  expect([86_400, 7_200, 90, 60, 172_800].map(secondsText)).toEqual(['1d', '2h', '90s', '1m', '2d']);
});
