import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { parseManifest } from '../../../src/datasets/index.js';
import { temporaryFolder } from '../embedded/rig.js';
import { runProgram } from './runProgram.js';

interface Schema {
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  required?: string[];
  default?: unknown;
}

interface Key {
  defaults: string[];
  /** In each kind of object that has it. */
  isRequired: boolean;
}

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const PAGE = read('docs/datasets.md');

/** Keys of a manifest by their paths; places in lists are left out. */
function keysOf(schema: Schema, path = '', found = new Map<string, Key>()): Map<string, Key> {
  for (const below of [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.items ? [schema.items] : [])])
    keysOf(below, path, found);
  for (const [name, below] of Object.entries(schema.properties ?? {})) {
    const key = path === '' ? name : `${path}.${name}`;
    const { defaults, isRequired } = found.get(key) ?? { defaults: [], isRequired: true };
    const own = 'default' in below ? [shown(below.default)] : [];
    found.set(key, {
      defaults: [...new Set([...defaults, ...own])],
      isRequired: isRequired && (schema.required ?? []).includes(name),
    });
    keysOf(below, key, found);
  }
  return found;
}

function shown(value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : JSON.stringify(value);
}

/** Rows of the tables that begin with a key of the manifest: what they say of its default. */
function described(): Map<string, Key> {
  const [, reference = ''] = PAGE.split('\n## The manifest\n');
  const rows = [...reference.matchAll(/^\| `([a-zA-Z.]+)` +\| (.*?) *\|/gm)];
  return new Map(
    rows.map(([, key = '', told = '']) => [
      key,
      {
        defaults: [...told.matchAll(/`([^`]*)`/g)].map(([, value = '']) => value),
        isRequired: told === '**required**',
      },
    ]),
  );
}

const blocks = (language: string): string[] =>
  [...PAGE.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map(([, block = '']) => block);

describe('the page of datasets', () => {
  it('describes every key of a manifest, with its default, and no other', () => {
    const keys = keysOf(JSON.parse(read('schemas/dataset.v1.schema.json')) as Schema);
    expect(keys.size).toBeGreaterThan(100);
    expect(Object.fromEntries(described())).toEqual(Object.fromEntries(keys));
  });

  it('shows what init really writes for the sample that it shows', async () => {
    const folder = await temporaryFolder();
    const [sample = ''] = blocks('csv');
    const file = join(folder, 'orders-2024-01.csv');
    await writeFile(file, sample);
    const { stdout } = await runProgram(
      ...['dataset', 'init', file, '--bucket', 'shop-exports', '--match', 'orders/*.csv', '--out', '-'],
    );
    expect(blocks('yaml')[0]).toBe(stdout);
  });

  it('shows manifests, and parts of one, that can be used', () => {
    const [whole = '', ...parts] = blocks('yaml');
    const manifest = parse(whole) as Record<string, unknown>;
    expect(parts.length).toBeGreaterThan(3);
    for (const part of parts) {
      // A part with columns stands for itself; the checks are of other ones.
      const { checks, ...rest } = manifest;
      const around = part.includes('columns:') ? rest : { ...rest, checks };
      expect(() => parseManifest(stringify({ ...around, ...(parse(part) as object) }), 'part.yaml')).not.toThrow();
    }
  });
});
