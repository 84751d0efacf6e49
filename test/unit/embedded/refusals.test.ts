import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigError } from '../../../src/config/index.js';
import { startStack, StackError } from '../../../src/embedded/index.js';
import { packageRoot } from '../../../src/embedded/files.js';
import { createLogger } from '../../../src/telemetry/index.js';
import { temporaryFolder } from './rig.js';

/** What a stack can know before it starts anything: then nothing is started, and no folder is made. */
const log = createLogger('test', 'silent');

test.each([
  [
    'a key with a wrong value',
    (yaml: string) => yaml.replace(/^scoreThreshold:.*$/m, 'scoreThreshold: high'),
    /scoreThreshold/,
  ],
  ['a key that is missing', (yaml: string) => yaml.replace(/^iouThreshold:.*$/m, ''), /iouThreshold/],
  ['no ONNX file', (yaml: string) => yaml, /model\.yaml: file: .*shapes\.onnx/],
])('a model with %s is refused with a sentence that names it, before anything starts', async (_, change, sentence) => {
  const modelDir = await temporaryFolder();
  const yaml = await readFile(join(packageRoot(), 'models/shapes/model.yaml'), 'utf8');
  await writeFile(join(modelDir, 'model.yaml'), change(yaml));
  const dataDir = join(await temporaryFolder(), 'data');
  const starting = startStack({ dataDir, modelDir, log });
  await expect(starting).rejects.toThrow(StackError);
  await expect(starting).rejects.toThrow(sentence);
  expect(existsSync(dataDir)).toBe(false);
});

test('a variable that is wrong is refused before anything starts', async () => {
  const dataDir = join(await temporaryFolder(), 'data');
  const starting = startStack({ dataDir, environment: { PENSTOCK_FOO: '1' }, log });
  await expect(starting).rejects.toThrow('PENSTOCK_FOO: no such variable');
  expect(existsSync(dataDir)).toBe(false);
});

test('a routing file that is wrong is refused by line, before anything starts', async () => {
  const file = join(await temporaryFolder(), 'routing.yaml');
  await writeFile(file, 'version: 1\nroutes:\n  - { bucket: uploads, model: shapes, lane: noon }\n');
  const dataDir = join(await temporaryFolder(), 'data');
  const starting = startStack({ dataDir, environment: { PENSTOCK_ROUTING_FILE: file }, log });
  await expect(starting).rejects.toThrow(ConfigError);
  await expect(starting).rejects.toThrow(`${file}:3:45: lane 'noon': not configured`);
  expect(existsSync(dataDir)).toBe(false);
});

test('a data directory below a file is refused with a sentence', async () => {
  const file = join(await temporaryFolder(), 'file');
  await writeFile(file, '');
  const starting = startStack({ dataDir: join(file, 'data'), log });
  await expect(starting).rejects.toThrow(StackError);
  await expect(starting).rejects.toThrow(/data can't be a data directory: ENOTDIR/);
});
