import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { temporaryFolder } from '../embedded/rig.js';
import { runProgram } from './runProgram.js';

vi.mock('@duckdb/node-api', () => {
  throw new Error('DuckDB is loaded');
});

test('DuckDB is loaded to look at a sample or a source, and for no other verb', async () => {
  const folder = await temporaryFolder();
  const [sample, manifest] = [join(folder, 'a.csv'), join(folder, 'a.yaml')];
  await writeFile(sample, 'id\n1\n2\n');
  await writeFile(
    manifest,
    'version: penstock/v1\nname: a\nsource: { type: objects, bucket: abc, match: [a] }\nformat: { type: csv }\ncolumns: [{ name: id, type: Int64 }]\ntarget: { mode: replace, orderBy: [id] }\n',
  );
  expect(await runProgram('dataset', 'check', manifest)).toMatchObject({ code: 0 });
  for (const args of [
    ['init', sample, '--out', '-'],
    ['preview', manifest],
  ])
    expect(await runProgram('dataset', ...args)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('mocking a module') as unknown,
    });
});
