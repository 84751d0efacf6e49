import { expect, test } from 'vitest';
import { z } from 'zod';
import { keysAt } from '../../../src/yaml/keys.js';

const schema = z.strictObject({
  name: z.string(),
  source: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('file'), path: z.string() }),
    z.strictObject({ type: z.literal('http'), url: z.string(), query: z.record(z.string(), z.string()).optional() }),
  ]),
  columns: z.array(z.strictObject({ name: z.string(), from: z.string().optional() })),
});

test.each([
  ['the top', [], ['name', 'source', 'columns']],
  ['one of a list', ['columns', 1], ['name', 'from']],
  ['the kind that the value says', ['source'], ['type', 'url', 'query']],
  ['what has no keys of its own', ['source', 'query'], []],
  ['nothing at all', ['elsewhere', 'below'], []],
])('the keys of %s', (_, path, keys) => {
  const value = { source: { type: 'http', uri: 'x' }, columns: [{}, { form: 'a' }] };
  expect(keysAt(schema, path, value)).toEqual(keys);
});

test('of a kind that there is not, the keys of all kinds are told', () => {
  expect(keysAt(schema, ['source'], { source: { type: 'ftp' } })).toEqual(['type', 'path', 'url', 'query']);
});
