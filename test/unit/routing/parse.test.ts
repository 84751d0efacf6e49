import { describe, expect, it, test } from 'vitest';
import { loadConfig } from '../../../src/config/index.js';
import { parseRoutes } from '../../../src/routing/parse.js';
import { MAX_ROUTES } from '../../../src/routing/schema.js';
import { YamlError } from '../../../src/yaml/index.js';

const config = loadConfig({ PENSTOCK_LANES: 'bulk,express,night' });

/** The message for a text that is refused. */
function refusal(text: string): string {
  try {
    parseRoutes(text, 'routing.yaml', config);
  } catch (error) {
    if (error instanceof YamlError) return error.message;
    throw error;
  }
  throw new Error('it was taken');
}

/** A file with one route; what follows the bucket begins in line 4, and its values in column 12. */
const one = (...keys: string[]): string =>
  ['version: 1', 'routes:', '  - bucket: uploads', ...keys.map((key) => `    ${key}`)].join('\n');

test('a file of routes is read with its defaults', () => {
  const { rules } = parseRoutes(
    `version: 1
routes:
  - bucket: uploads
    model: shapes
  - { bucket: uploads, prefix: cameras/, model: 'yolo_v8.1@b837ae85758e', lane: night, deadline: 90s }
  - bucket: uploads
    prefix: cameras/tests/
    ignore: true
`,
    'routing.yaml',
    config,
  );
  expect(rules).toEqual([
    { line: 3, bucket: 'uploads', prefix: '', ignore: false, model: 'shapes', lane: 'bulk' },
    {
      line: 5,
      bucket: 'uploads',
      prefix: 'cameras/',
      ignore: false,
      model: 'yolo_v8.1',
      pin: 'b837ae85758e',
      lane: 'night',
      deadlineMs: 90_000,
    },
    { line: 6, bucket: 'uploads', prefix: 'cameras/tests/', ignore: true },
  ]);
});

test.each([
  ['15m', 900_000],
  ['1h', 3_600_000],
  ['2d', 172_800_000],
])('the deadline %s is %d ms', (deadline, deadlineMs) => {
  const { rules } = parseRoutes(one('model: shapes', `deadline: ${deadline}`), 'routing.yaml', config);
  expect(rules[0]).toMatchObject({ deadlineMs });
});

describe('a file that is wrong is refused by line and column, with what would be right:', () => {
  it.each([
    ['an empty file', '', /^routing\.yaml:1:1: the file is empty; it needs version: 1/],
    ['comments alone', '# nothing\n', /^routing\.yaml:1:1: the file is empty/],
    ['no mapping', '- a\n', /:1:1: the file: should be a mapping with version and routes$/],
    ['broken YAML', 'version: 1\nroutes: [\n', /^routing\.yaml:3:1: /],
    ['a tab', 'version: 1\nroutes:\n\t- bucket: a\n', /^routing\.yaml:3:1: /],
    ['two documents', `${one('model: shapes')}\n---\n${one('model: shapes')}\n`, /:5:1: .*documents/],
    ['a key twice', one('model: shapes', 'model: other'), /:5:5: Map keys must be unique/],
    ['an alias', one('model: &m shapes', 'lane: *m'), /:5:11: no aliases here/],
    ['an unknown tag', one('model: !secret shapes'), /:4:12: Unresolved tag/],
    ['no version', 'routes:\n  - { bucket: abc, model: shapes }\n', /:1:1: version: missing, should be 1/],
    ['another version', one('model: shapes').replace('1', '2'), /:1:10: version: 2, should be 1/],
    ['no routes', 'version: 1\n', /:1:1: routes: missing, should be a list of routes/],
    ['an empty list', 'version: 1\nroutes: []\n', /:2:9: routes: should be at least one route/],
    [
      'an unknown key of the file',
      `${one('model: shapes')}\nroute: 1\n`,
      /:5:1: route: no such key; there are version,/,
    ],
    ['an unknown key of a route', one('model: shapes', 'Prefix: a'), /:5:5: routes\[0\]\.Prefix: no such key; there/],
    ['no bucket', 'version: 1\nroutes:\n  - model: shapes\n', /:3:5: routes\[0\]\.bucket: missing, should be the name/],
    ['a bucket with gs://', one('model: x').replace('uploads', 'gs://uploads'), /:3:13: .*'gs:\/\/uploads', should be/],
    ['a bucket that is a number', one('model: x').replace('uploads', '2024'), /:3:13: .*bucket: 2024, should be/],
    [
      'a prefix that is none',
      one('model: shapes', 'prefix: [a]'),
      /:5:13: routes\[0\]\.prefix: should be the beginning/,
    ],
    ['a prefix of more than 1,024 bytes', one('model: shapes', `prefix: ${'é'.repeat(513)}`), /:5:13: .*at most 1024/],
    ['a name of no model', one('model: Shapes'), /:4:12: routes\[0\]\.model: 'Shapes', should be the name of a model/],
    ['a short hash', one('model: shapes@b837'), /:4:12: .*name@hash with its 12 hex digits/],
    ['an empty value', one('model:'), /:4:11: routes\[0\]\.model: empty, should be/],
    ['a name of no lane', one('model: shapes', 'lane: Bulk'), /:5:11: routes\[0\]\.lane: 'Bulk', should be the name/],
    ['a lane that is not there', one('model: x', 'lane: noon'), /:5:11: lane 'noon': not .*bulk, express, night$/],
    ['the lane held', one('model: x', 'lane: held'), /:5:11: lane 'held': there the events of an open circuit breaker/],
    [
      'a duration without unit',
      one('model: x', 'deadline: 90'),
      /:5:15: .*deadline: 90, should be a whole number with/,
    ],
    ['a duration of nothing', one('model: x', 'deadline: 0h'), /:5:15: .*deadline: '0h', should be/],
    ['a half duration', one('model: x', 'deadline: 1.5h'), /:5:15: .*deadline: '1\.5h', should be/],
    ['neither model nor ignore', one(), /:3:13: the route has no model; to send .* ignore: true/],
    ['ignore with model', one('model: x', 'ignore: true'), /:4:12: model: not together with ignore/],
    ['ignore with deadline', one('deadline: 1h', 'ignore: true'), /:4:15: deadline: not together with ignore/],
    [
      'ignore that is false',
      one('model: x', 'ignore: false'),
      /:5:13: .*ignore: false, should be true, or leave it out/,
    ],
  ])('%s', (_, text, message) => expect(refusal(text)).toMatch(message));

  it('the same bucket and prefix twice, with the line of the first', () => {
    const text = `${one('model: x', 'prefix: a/')}\n  - { bucket: uploads, prefix: a/, ignore: true }\n`;
    expect(refusal(text)).toBe("routing.yaml:6:15: bucket 'uploads' with prefix 'a/' has a route in line 3 already");
  });

  it('a model that is pinned to two versions, but not one that is named with and without', () => {
    const pinned = one('model: x@000000000000');
    expect(() => parseRoutes(`${pinned}\n  - { bucket: other, model: x }\n`, 'f', config)).not.toThrow();
    expect(refusal(`${pinned}\n  - { bucket: other, model: x@000000000001 }\n`)).toBe(
      "routing.yaml:5:29: model 'x@000000000001': line 3 has x@000000000000; one version of a model is shown",
    );
  });

  it('more routes than there may be', () => {
    const routes = Array.from({ length: MAX_ROUTES + 1 }, (_, n) => `  - { bucket: abc, prefix: "${n}/", model: x }\n`);
    expect(refusal(`version: 1\nroutes:\n${routes.join('')}`)).toMatch(/:3:3: routes: should be at most 2000 routes$/);
  });

  it('everything at once, in the order of the file, but no endless list', () => {
    const bad = '  - { bucket: X, model: Y, colour: red }\n';
    const lines = refusal(`version: 1\nroutes:\n${bad}${bad}`).split('\n');
    expect(lines.map((line) => line.split(': ')[0])).toEqual([
      ...['routing.yaml:3:15', 'routing.yaml:3:25', 'routing.yaml:3:28'],
      ...['routing.yaml:4:15', 'routing.yaml:4:25', 'routing.yaml:4:28'],
    ]);
    const many = refusal(`version: 1\nroutes:\n${bad.repeat(50)}`).split('\n');
    expect(many).toHaveLength(21);
    expect(many.at(-1)).toBe('routing.yaml: … and 130 more');
  });
});
