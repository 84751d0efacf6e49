import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { parse } from 'yaml';
import { temporaryFolder } from '../embedded/rig.js';
import { runProgram } from './runProgram.js';

const ROUTES = `version: 1
routes:
  - bucket: uploads
    model: shapes@b837ae85758e
    deadline: 90m
  - bucket: uploads
    prefix: tests/
    ignore: true
  - bucket: uploads
    prefix: same/
    model: shapes
    deadline: 90m
`;

async function fileOf(text: string): Promise<string> {
  const file = join(await temporaryFolder(), 'routing.yaml');
  await writeFile(file, text);
  return file;
}

/** Runs `penstock routing …`. */
const run = (...args: string[]) => runProgram('routing', ...args);

function setVariable(name: string, value: string): void {
  vi.stubEnv(name, value);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
}

describe('penstock routing check', () => {
  test('shows the routes of a file that can be used, and what is odd in them', async () => {
    const file = await fileOf(ROUTES);
    const { code, stdout } = await run('check', file);
    expect(code).toBe(0);
    expect(stdout).toMatch(/│ 3 +│ uploads │ +│ shapes@b837ae85758e │ bulk │ 90 m +│/);
    expect(stdout).toMatch(/│ 6 +│ uploads │ tests\/ │ ignored +│ +│ +│/);
    expect(stdout).toContain(`warning: ${file}:9: uploads 'same/': changes nothing: line 3`);
  });

  test('takes the file of the environment, and prints JSON', async () => {
    const file = await fileOf(ROUTES);
    setVariable('PENSTOCK_ROUTING_FILE', file);
    const { code, stdout } = await run('check', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ ok: true, file, problems: [], warnings: [{ line: 9 }] },
      routes: [
        { line: 3, bucket: 'uploads', prefix: '', model: 'shapes', pin: 'b837ae85758e', deadlineMs: 5_400_000 },
        { line: 6, ignore: true },
        { line: 9 },
      ],
    });
  });

  test('ends with 1 for a file that is wrong, and says where', async () => {
    const file = await fileOf(ROUTES.replace('ignore', 'ignored'));
    expect(await run('check', file)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining(`${file}:8:5: routes[1].ignored: no such key; there are bucket,`) as unknown,
    });
    const { code, stdout } = await run('check', file, '--json');
    expect([code, JSON.parse(stdout)]).toMatchObject([
      1,
      { ok: false, problems: [{ line: 8, column: 5 }], routes: [] },
    ]);
  });

  test('ends with 2 for no file, one that is not there, and a wrong option', async () => {
    expect(await run('check')).toMatchObject({ code: 2, stderr: expect.stringMatching(/^Name a file/) as unknown });
    expect(await run('check', 'nowhere.yaml')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('nowhere.yaml: ENOENT') as unknown,
    });
    expect((await run('check', '--colour')).code).toBe(2);
  });
});

describe('penstock routing test', () => {
  test('tells which route an object takes, and why', async () => {
    const file = await fileOf(ROUTES);
    expect(await run('test', 'gs://uploads/a/b.jpg', file)).toEqual({
      code: 0,
      stdout: `gs://uploads/a/b.jpg goes to the model shapes@b837ae85758e by the lane bulk, 90 m after its upload at the latest (${file}): line 3 has the longest prefix that it begins with, ''.\n`,
      stderr: '',
    });
    const { code, stdout } = await run('test', 'gs://uploads/a/b.jpg', file, '--json');
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { routed: true, route: { line: 3 } }]);
  });

  test('ends with 1 where nothing wants it, and says why', async () => {
    const file = await fileOf(ROUTES);
    expect(await run('test', 'gs://uploads/tests/1.jpg', file)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/goes nowhere .*: line 6 has .*'tests\/', and ignores it\.\n$/) as unknown,
    });
    expect(await run('test', 'gs://others/1.jpg', file)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/goes nowhere .*: no route of bucket 'others' has a prefix/) as unknown,
    });
    setVariable('PENSTOCK_BUCKETS', 'others');
    expect(await run('test', 'gs://uploads/1.jpg', file)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("PENSTOCK_BUCKETS does not have 'uploads'") as unknown,
    });
  });

  test('ends with 1 for a file that is wrong and 2 for what is no object', async () => {
    const file = await fileOf('version: 1\n');
    expect(await run('test', 'gs://uploads/a.jpg', file)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`${file}:1:1: routes: missing`) as unknown,
    });
    for (const wrong of ['uploads/a.jpg', 'gs://uploads', 'gs://uploads/', 'https://uploads/a.jpg'])
      expect(await run('test', wrong, file)).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('the published schema of the file', () => {
  test('takes and refuses what the program does', async () => {
    const path = new URL('../../../schemas/routing.v1.schema.json', import.meta.url);
    const schema = JSON.parse(await readFile(path, 'utf8')) as object;
    const validate = new Ajv2020({ strict: true, strictRequired: false, allErrors: true }).compile(schema);
    expect([validate(parse(ROUTES)), validate.errors]).toEqual([true, null]);
    const wrong = [
      'model: Shapes',
      'model: a, ignore: true',
      'lane: bulk',
      'ignore: true, lane: bulk',
      'model: a, x: 1',
    ];
    for (const keys of wrong)
      expect([keys, validate(parse(`{ version: 1, routes: [{ bucket: abc, ${keys} }] }`))]).toEqual([keys, false]);
    expect(validate({ version: 2, routes: [{ bucket: 'abc', model: 'a' }] })).toBe(false);
  });
});
