import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { readCapacityFile, writeCapacityFile, type Capacity } from '../../src/calibration/index.js';
import { roleEnvironment } from '../../src/embedded/index.js';
import { loadModel } from '../../src/inference/index.js';
import { scene } from '../../src/scenes/index.js';
import { bucketOf, endpointsNow, eventually } from './pipeline.js';
import { startRole } from './roleProcess.js';

const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const SHAPES = fileURLToPath(new URL('../../models/shapes', import.meta.url));

let folder: string;
let path: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'penstock-calibrate-'));
  path = join(folder, 'capacity.json');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

const calibrate = (args: readonly string[], environment?: Record<string, string>): Promise<Ran> =>
  penstock(['calibrate', ...args], environment);

function penstock(args: readonly string[], environment: Record<string, string> = {}): Promise<Ran> {
  const env = { PATH: process.env['PATH'], ...environment };
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** What a detector logs when it serves, and what it warned of before; with as many child processes as it has then. */
async function detectorSays(environment: Record<string, string>) {
  const detector = await startRole('detector', { PENSTOCK_LOG_LEVEL: 'info', ...environment });
  onTestFinished(() => detector.stop());
  const lines = detector
    .logged()
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Record<string, unknown>]));
  const serves = lines.find(({ msg }) => String(msg).startsWith('detector serves'));
  const warnings = lines
    .filter(({ level, component }) => level === 'warn' && component === undefined)
    .map(({ msg }) => String(msg));
  const children = await eventually(
    async () => (await readFile(`/proc/${detector.pid}/task/${detector.pid}/children`, 'utf8')).trim().split(' '),
    (pids) => pids.length === Number(serves?.['children']),
    20_000,
  );
  return { serves, warnings, children: children.length };
}

/** Side by side: what is measured is another's time, and what is held holds of any of it. */
describe.concurrent('a calibration', { timeout: 300_000 }, () => {
  it('of a folder measures each part and the whole, and leaves out what is no picture', async () => {
    for (const index of [1, 2, 3])
      await writeFile(join(folder, `${index}.jpg`), (await scene(index, { width: 256, height: 256 })).jpeg);
    await writeFile(join(folder, 'notes.jpg'), 'Remember the milk.');
    const { code, stdout, stderr } = await calibrate(['--quick', '--json', '--pictures', folder, '--out', path]);
    expect([code, stderr]).toEqual([0, expect.stringContaining('notes.jpg')]);
    const capacity = await readCapacityFile(path);
    expect(JSON.parse(stdout)).toEqual(capacity);
    expect(capacity).toMatchObject({
      model: (await loadModel(SHAPES)).id,
      provider: 'cpu',
      latencyBoundMs: 1000,
      pictures: { count: 3, overNetwork: false },
    });
    const { download, decode, model } = capacity.ceilings;
    for (const { imagesPerSecond, cpuMsPerImage } of [download, decode, model, capacity.knee].map((one) => ({
      cpuMsPerImage: 1,
      ...one,
    }))) {
      expect(imagesPerSecond.median).toBeGreaterThan(0);
      expect(imagesPerSecond.p10).toBeLessThanOrEqual(imagesPerSecond.median);
      expect(imagesPerSecond.p90).toBeGreaterThanOrEqual(imagesPerSecond.median);
      expect(cpuMsPerImage).toBeGreaterThan(0);
    }
    const least = Math.min(...[download, decode, model].map(({ imagesPerSecond }) => imagesPerSecond.median));
    expect(capacity.ceilings[capacity.bottleneck].imagesPerSecond.median).toBe(least);
    for (const { imageLatencyMs, requestLatencyMs } of capacity.points) {
      expect(imageLatencyMs.p50).toBeGreaterThan(0);
      expect(imageLatencyMs.p95).toBeGreaterThanOrEqual(imageLatencyMs.p50);
      if (requestLatencyMs) expect(requestLatencyMs.p95).toBeGreaterThanOrEqual(requestLatencyMs.p50);
    }
    const { isWithinBound, ...knee } = capacity.knee;
    expect(capacity.points).toContainEqual(knee);
    expect(isWithinBound).toBe(knee.imageLatencyMs.p95 <= 1000);
  });

  it('of a bucket downloads from there, and prints what a person reads', async () => {
    const endpoints = await endpointsNow();
    const bucket = await bucketOf(endpoints);
    for (const index of [1, 2])
      await bucket.file(`calibrate/${index}.jpg`).save((await scene(index)).jpeg, { resumable: false });
    const from = `gs://${endpoints.bucket}/calibrate/`;
    const out = join(folder, 'bucket.json');
    const { code, stdout } = await calibrate(['--quick', '--gs', from, '--out', out], {
      PENSTOCK_GCS_ENDPOINT: endpoints.gcs,
    });
    expect(code).toBe(0);
    expect((await readCapacityFile(out)).pictures).toMatchObject({ source: from, count: 2, overNetwork: false });
    for (const words of [
      'no network in it',
      'is the bottleneck',
      'children×batch×slots',
      '← knee',
      `written to ${out}`,
    ])
      expect(stdout).toContain(words);
    expect(stdout).toMatch(/│ decode .*│ +\d+ +│ \d+–\d+ +│/);
  });

  it('is refused with an execution provider that is not there, before anything else is measured', async () => {
    const { code, stdout, stderr } = await calibrate(['--provider', 'dml', '--out', join(folder, 'refused.json')]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('execution provider dml is not there');
    expect(stderr).not.toContain('alone');
  });
});

describe('a detector', () => {
  it('takes slots, batch, child processes and rate from the capacity file, the rate times the headroom', async () => {
    const measured = await readCapacityFile(path);
    // One child process and three slots are neither the default nor, on most machines, what was measured.
    const knee: Capacity['knee'] = { ...measured.knee, children: 1, batch: 3, slots: 3 };
    await writeCapacityFile(path, { ...measured, knee });
    const { serves, warnings, children } = await detectorSays({
      PENSTOCK_CAPACITY_FILE: path,
      PENSTOCK_CAPACITY_HEADROOM: '0.5',
    });
    expect(serves).toMatchObject({
      slots: 3,
      batch: 3,
      children: 1,
      imagesPerSecond: measured.knee.imagesPerSecond.median * 0.5,
      source: 'measured',
    });
    expect(serves?.['msg']).toContain(`measured on ${measured.measuredAt.slice(0, 10)}`);
    expect([warnings, children]).toEqual([[], 1]);
  });

  it('without one says so and takes the safe default', async () => {
    const { serves } = await detectorSays({});
    expect(serves).toMatchObject({ slots: 4, batch: 8, imagesPerSecond: 0, source: 'default' });
    expect(serves?.['msg']).toContain('a safe default, the measurement is missing; penstock calibrate makes one');
  });

  it('warns of one that is of another model, naming both, and takes the safe default', async () => {
    const other = join(folder, 'other.json');
    await writeCapacityFile(other, { ...(await readCapacityFile(path)), model: 'shapes@0123456789ab' });
    const { serves, warnings } = await detectorSays({ PENSTOCK_CAPACITY_FILE: other });
    expect(serves).toMatchObject({ slots: 4, batch: 8, imagesPerSecond: 0, source: 'default' });
    expect(warnings).toEqual([
      `the capacity file is not used: it was measured on the model shapes@0123456789ab, this is ${(await loadModel(SHAPES)).id}`,
    ]);
  });

  it('does not start with one that is none', async () => {
    const none = join(folder, 'none.json');
    await writeFile(none, '{}');
    const { code, stderr } = await penstock(['detector'], {
      ...roleEnvironment(await endpointsNow()),
      PENSTOCK_HTTP_PORT: '0',
      PENSTOCK_CAPACITY_FILE: none,
    });
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^PENSTOCK_CAPACITY_FILE: .*none\.json: v: /)]);
  });
});
