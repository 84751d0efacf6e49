import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeCapacityFile } from '../../../src/calibration/capacityFile.js';
import { subjectOf, type Subject } from '../../../src/calibration/device.js';
import { detectorSettings, settingsOf } from '../../../src/calibration/settings.js';
import { ConfigError, loadConfig } from '../../../src/config/index.js';
import { loadModel } from '../../../src/inference/index.js';
import { SHAPES_DIR, temporaryFolder } from '../inference/rig.js';
import { capacity } from './rig.js';

const subject: Subject = {
  model: 'shapes@0123456789ab',
  provider: 'cpu',
  device: { id: 0, name: 'Some CPU, 2 cores' },
};
const cores = availableParallelism();

describe('what a detector runs with', () => {
  it('is a safe default without a capacity file, and says so', () => {
    const { sentence, ...settings } = settingsOf(undefined, loadConfig({}), subject);
    expect(settings).toEqual({
      slots: 4,
      batch: 8,
      children: cores,
      imagesPerSecond: 0,
      prepareThreads: 1,
      source: 'default',
      refusal: undefined,
    });
    expect(sentence).toBe(
      `slots 4, batch 8, child processes ${cores}, no cap: a safe default, the measurement is missing; penstock calibrate makes one`,
    );
  });

  it('is the knee of a capacity file, at nine tenths of its rate', () => {
    expect(settingsOf(capacity(), loadConfig({}), subject)).toMatchObject({
      slots: 5,
      batch: 2,
      children: 3,
      imagesPerSecond: 180,
      source: 'measured',
      refusal: undefined,
      sentence:
        'slots 5, batch 2, child processes 3, at most 180 images/s: measured on 2026-11-24 (200 images/s times 0.9)',
    });
  });

  it('says so where what was measured was not stable', () => {
    const knee = { ...capacity().knee, isStable: false };
    const { sentence } = settingsOf(capacity({ knee }), loadConfig({}), subject);
    expect(sentence).toContain('measured on 2026-11-24 (200 images/s, not stable, times 0.9)');
  });

  it('takes the headroom that is configured', () => {
    const config = loadConfig({ PENSTOCK_CAPACITY_HEADROOM: '0.5' });
    expect(settingsOf(capacity(), config, subject).imagesPerSecond).toBe(100);
    for (const wrong of ['0', '1.1'])
      expect(() => loadConfig({ PENSTOCK_CAPACITY_HEADROOM: wrong })).toThrow('PENSTOCK_CAPACITY_HEADROOM');
  });

  it.each([
    ['PENSTOCK_DETECT_SLOTS', '7', { slots: 7, batch: 2, children: 3, imagesPerSecond: 180 }],
    ['PENSTOCK_DETECT_MODEL_BATCH', '7', { slots: 5, batch: 7, children: 3, imagesPerSecond: 180 }],
    ['PENSTOCK_DETECT_CHILDREN', '7', { slots: 5, batch: 2, children: 7, imagesPerSecond: 180 }],
    ['PENSTOCK_DETECT_CHILDREN', '0', { slots: 5, batch: 2, children: cores, imagesPerSecond: 180 }],
    ['PENSTOCK_DETECT_IMAGES_PER_SECOND', '7', { slots: 5, batch: 2, children: 3, imagesPerSecond: 7 }],
    ['PENSTOCK_DETECT_IMAGES_PER_SECOND', '0', { slots: 5, batch: 2, children: 3, imagesPerSecond: 0 }],
  ])('has %s=%s before the file, and the rest from it', (name, value, expected) => {
    const settings = settingsOf(capacity(), loadConfig({ [name]: value }), subject);
    expect(settings).toMatchObject({ ...expected, source: 'measured' });
    expect(settings.sentence).toMatch(/measured on 2026-11-24 .*; [a-z ]+[\d.]*( images\/s)?: configured$/);
  });

  it('is configured where all is, or where some is and there is no file', () => {
    const all = {
      PENSTOCK_DETECT_SLOTS: '1',
      PENSTOCK_DETECT_MODEL_BATCH: '1',
      PENSTOCK_DETECT_CHILDREN: '1',
      PENSTOCK_DETECT_IMAGES_PER_SECOND: '1',
    };
    expect(settingsOf(capacity(), loadConfig(all), subject)).toMatchObject({
      source: 'configured',
      sentence: 'slots 1, batch 1, child processes 1, at most 1 images/s: configured',
    });
    const some = settingsOf(undefined, loadConfig({ PENSTOCK_DETECT_SLOTS: '1' }), subject);
    expect(some).toMatchObject({ slots: 1, batch: 8, source: 'configured' });
    expect(some.sentence).toContain('slots 1: configured; batch 8');
  });

  it.each([
    ['model', { model: 'shapes@ba9876543210' }, 'shapes@ba9876543210', 'shapes@0123456789ab'],
    ['provider', { provider: 'cuda' }, 'cuda', 'cpu'],
    ['device', { device: { id: 1, name: 'Some CPU, 2 cores' } }, '2 cores (1)', '2 cores (0)'],
    ['device', { device: { id: 0, name: 'Some CPU, 64 cores' } }, '64 cores (0)', '2 cores (0)'],
  ])('is the default where the file is of another %s, and both are named', (what, other, measured, here) => {
    const settings = settingsOf(capacity(other), loadConfig({}), subject);
    expect(settings).toMatchObject({ slots: 4, batch: 8, children: cores, imagesPerSecond: 0, source: 'default' });
    expect(settings.refusal).toContain(`it was measured on the ${what} `);
    expect(settings.refusal).toContain(measured);
    expect(settings.refusal).toContain(here);
    expect(settings.sentence).toContain('of another model or machine');
  });

  it('has a child process on a GPU, with as many threads that prepare as there are cores', () => {
    const config = loadConfig({ PENSTOCK_EXECUTION_PROVIDER: 'cuda' });
    const gpu = settingsOf(undefined, config, { ...subject, provider: 'cuda' });
    expect(gpu).toMatchObject({ children: 1, prepareThreads: cores });
  });

  it('comes from the file that the environment names, for the model and machine that are here', async () => {
    const path = join(await temporaryFolder(), 'capacity.json');
    const config = loadConfig({ PENSTOCK_CAPACITY_FILE: path });
    const model = await loadModel(SHAPES_DIR);
    await writeCapacityFile(path, capacity(await subjectOf(config, model)));
    expect(await detectorSettings(config, model)).toMatchObject({ slots: 5, source: 'measured', refusal: undefined });
    await writeCapacityFile(path, capacity());
    expect(await detectorSettings(config, model)).toMatchObject({ slots: 4, source: 'default' });
    expect(await detectorSettings(loadConfig({}), model)).toMatchObject({ slots: 4, source: 'default' });
  });

  it('is a wrong configuration where that file can not be used', async () => {
    const config = loadConfig({ PENSTOCK_CAPACITY_FILE: join(await temporaryFolder(), 'none.json') });
    const settings = detectorSettings(config, await loadModel(SHAPES_DIR));
    await expect(settings).rejects.toThrow(ConfigError);
    await expect(settings).rejects.toThrow(/^PENSTOCK_CAPACITY_FILE: .*none\.json: can't be read: /);
  });
});
