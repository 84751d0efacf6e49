import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reportText } from '../../../src/cli/calibrate/report.js';
import { capacity, point } from '../calibration/rig.js';
import { temporaryFolder } from '../inference/rig.js';
import { runProgram } from './runProgram.js';

describe('penstock calibrate', () => {
  it.each([
    [['--model', 'nowhere'], 'There is no model nowhere'],
    [['--provider', 'abacus'], 'PENSTOCK_EXECUTION_PROVIDER: Invalid option'],
    [['--pictures', '/nowhere'], '/nowhere can not be read: ENOENT'],
    [['--gs', 'gs://X'], "--gs 'gs://X': gs://bucket or gs://bucket/prefix"],
    [['--gs', 'bucket/prefix'], "--gs 'bucket/prefix'"],
    [['--gs', 'gs://bucket', '--pictures', '.'], '--pictures and --gs: one of them'],
    [['--latency-ms', '0'], "--latency-ms '0': a whole number from 1 to 3600000"],
    [['--latency-ms', '1.5'], "--latency-ms '1.5'"],
    [['--out', '/nowhere/capacity.json'], '--out /nowhere/capacity.json: ENOENT'],
    [['--out', '/tmp'], '--out /tmp: is no regular file'],
  ])('is refused with %j', async (args, why) => {
    const out = join(await temporaryFolder(), 'capacity.json');
    const { code, stdout, stderr } = await runProgram('calibrate', '--out', out, ...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(why);
  });

  it('wants at least one picture', async () => {
    const folder = await temporaryFolder();
    const args = ['--out', join(folder, 'capacity.json'), '--pictures', folder];
    const { code, stderr } = await runProgram('calibrate', ...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining('There is no picture that can be read in the folder')]);
  });
});

describe('the report of a calibration', () => {
  it('has the parts, what is the bottleneck, every point and the knee', () => {
    const text = reportText(capacity(), 'capacity.json');
    expect(text).toContain('shapes@0123456789ab on cpu, Some CPU, 2 cores');
    expect(text).toContain('no network in it');
    expect(text).toMatch(/│ decode +│ 400 +│ 399–401 +│ 5\.00 +│/);
    expect(text).toMatch(/│ model, batch 2 +│ 500 +│/);
    // 2 ms and 5 ms of a core before the model, 4 ms in it.
    expect(text).toContain(
      'decode is the bottleneck: for each core that runs the model, 1.8 cores download and decode',
    );
    expect(text).toContain('all three share 2 cores (0.7 of them for the model), which allows 182 images/s');
    expect(text).toMatch(/│ 3 +│ 2 +│ 5 +│ 200 +│ 199–201 +│ 50 +│ 100 +│ 100 +│ 200 +│ knee │/);
    expect(text).toMatch(/3×2×5 █{50} 200 ← knee/);
    expect(text).toMatch(/3×2×1 █{38} +150\n/);
    expect(text).toContain('knee under 1000 ms: children 3, batch 2, slots 5: 200 images/s, p95 100 ms');
  });

  it('says how many cores a device needs, and whether they are there', () => {
    const gpu = { provider: 'cuda', device: { id: 0, name: 'Some GPU' }, cores: 2 };
    expect(reportText(capacity(gpu), 'capacity.json')).toContain(
      'decode is the bottleneck: 3.5 cores per device keep the model busy, and this machine has 2',
    );
    expect(reportText(capacity({ ...gpu, coresPerDevice: 1.5 }), 'capacity.json')).toContain(
      'decode is the bottleneck: 1.5 cores per device keep the model busy, and this machine has 2',
    );
  });

  it('says what is not stable, and that no point keeps the bound', () => {
    const { ceilings } = capacity();
    const knee = { ...point({ rate: 10, p95: 2000 }), requestLatencyMs: null, isStable: false };
    const text = reportText(
      capacity({
        ceilings: { ...ceilings, decode: { ...ceilings.decode, isStable: false } },
        points: [knee],
        knee: { ...knee, isWithinBound: false },
      }),
      'capacity.json',
    );
    expect(text).toContain('│ decode (not stable) │');
    expect(text).toMatch(/│ 2000 +│ – +│ – +│ knee, not stable │/);
    expect(text).toContain('late ← knee');
    expect(text).toContain('no point keeps p95 under 1000 ms; nearest: children 2');
  });
});
