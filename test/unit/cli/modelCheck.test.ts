import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { checkModel, type CheckFlags, type CheckReport } from '../../../src/cli/model/check.js';
import { reportText } from '../../../src/cli/model/report.js';
import { UsageError } from '../../../src/cli/verb.js';
import { iou } from '../../../src/domain/index.js';
import { changedModel, hasShared, SHAPES_DIR, SHARED, temporaryFolder, type Settings } from '../inference/rig.js';
import { runProgram } from './runProgram.js';

/** Checks with the boxes drawn in a folder of the test, which is removed. */
async function check(dir: string, flags: Partial<CheckFlags> = {}): Promise<CheckReport> {
  return checkModel(dir, { out: join(await temporaryFolder(), 'boxes.jpg'), ...flags }, {});
}

const input = (settings: Settings) => settings['input'] as Settings;

describe('a model that can be used', () => {
  test('is described, and finds the four shapes of a generated scene, which are drawn', async () => {
    const out = join(await temporaryFolder(), 'boxes.jpg');
    const report = await check(SHAPES_DIR, { out });
    expect(report).toMatchObject({
      ok: true,
      problems: [],
      provider: 'cpu',
      batch: 'dynamic',
      model: { license: 'Apache-2.0', classes: 6, output: { decoder: 'boxes-scores' } },
      onnx: {
        inputs: [{ name: 'images', type: 'uint8', shape: ['n', 256, 256, 3] }],
        outputs: [{ name: 'boxes', type: 'float32', shape: ['n', 1024, 4] }, { name: 'scores' }],
      },
    });
    const { run } = report;
    expect(new Set(run?.detections.map((found) => found.class)).size).toBe(4);
    expect(run?.prepareMs).toBeGreaterThan(0);
    expect(run?.modelMs).toBeGreaterThan(0);
    const drawn = await sharp(out).metadata();
    expect([drawn.format, drawn.width, drawn.height]).toEqual(['jpeg', 640, 480]);
    // The same scene where nothing is found: what differs are the boxes.
    const other = join(await temporaryFolder(), 'none.jpg');
    const blind = await changedModel((settings) => (settings['scoreThreshold'] = 1));
    expect((await check(blind, { out: other })).run?.detections).toEqual([]);
    expect((await readFile(other)).equals(await readFile(out))).toBe(false);
  });

  test('is drawn as a PNG where the name says so', async () => {
    const out = join(await temporaryFolder(), 'boxes.PNG');
    await check(SHAPES_DIR, { out });
    expect(await sharp(out).metadata()).toMatchObject({ format: 'png', width: 640, height: 480 });
  });

  test('is shown as text with its tensors, its times and its detections', async () => {
    const report = await check(SHAPES_DIR);
    const text = reportText(report);
    expect(text).toMatch(/model +│ shapes@[0-9a-f]{12} /);
    expect(text).toMatch(/input +│ images uint8 \[n, 256, 256, 3\] /);
    expect(text).toMatch(/output +│ boxes float32 \[n, 1024, 4\] /);
    expect(text).toMatch(/batch +│ dynamic /);
    expect(text).toMatch(/pictures +│ nhwc, rgb, letterbox-top-left /);
    expect(text).toMatch(/decoder +│ boxes-scores /);
    expect(text).toMatch(/classes +│ 6 /);
    expect(text).toMatch(/provider +│ cpu /);
    expect(text).toMatch(/prepare +│ [\d.]+ ms /);
    expect(text).toMatch(/model run +│ [\d.]+ ms /);
    const [best] = report.run?.detections ?? [];
    expect(text).toContain(`│ ${best?.class ?? ''} `);
    expect(text).toContain(best?.score.toFixed(3));
  });

  test('that does nothing is described too', async () => {
    const dir = await temporaryFolder();
    const yaml = 'name: noop\nlicense: none\noutput: { decoder: none }\nclasses: [nothing]\n';
    await writeFile(join(dir, 'model.yaml'), yaml);
    expect(reportText(await check(dir))).toContain('It finds nothing in this picture.');
  });
});

describe('a model that can not be used', () => {
  test('is told everything that is wrong in model.yaml, by key', async () => {
    const report = await check(
      await changedModel((settings) => {
        input(settings)['layout'] = 'hwcn';
        settings['iouThreshold'] = 50;
        settings['output'] = { decoder: 'yolov8', transpose: true };
      }),
    );
    expect(report).toMatchObject({ ok: false, model: null, onnx: null, run: null });
    for (const key of ['input.layout', 'iouThreshold', 'output.transpose'])
      expect(report.problems.filter((problem) => problem.includes(`model.yaml: ${key}: `))).toHaveLength(1);
    expect(report.problems).toHaveLength(3);
    expect(reportText(report)).toMatch(/^This model can not be used:\n {2}.*: input\.layout: /);
  });

  test('is told everything in which the ONNX file differs, by key, beside what the file has', async () => {
    const report = await check(
      await changedModel((settings) => {
        input(settings)['width'] = 320;
        input(settings)['type'] = 'float32';
        settings['output'] = { decoder: 'boxes-scores', boxes: 'rects', scores: 'scores' };
      }),
    );
    expect(report).toMatchObject({
      ok: false,
      model: { classes: 6 },
      onnx: { inputs: [{ name: 'images' }] },
      run: null,
    });
    expect(report.problems).toHaveLength(2);
    expect(report.problems[0]).toContain('input.type, input.width: has the input');
    expect(report.problems[1]).toContain("output.boxes: has the outputs 'boxes'");
    expect(reportText(report)).toMatch(/input +│ images uint8 \[n, 256, 256, 3\][^]*This model can not be used:/);
  });
});

describe('a question that is wrong is misuse, and says what is', () => {
  test.each<[string, string, Partial<CheckFlags>, NodeJS.ProcessEnv, string]>([
    ['no such model', 'nowhere', {}, {}, 'There is no model nowhere'],
    ['no such picture', SHAPES_DIR, { image: 'nowhere.jpg' }, {}, '--image nowhere.jpg: ENOENT'],
    ['a picture that is none', SHAPES_DIR, { image: join(SHAPES_DIR, 'model.yaml') }, {}, 'NOT_AN_IMAGE'],
    ['another kind of picture', SHAPES_DIR, { out: 'boxes.gif' }, {}, '--out boxes.gif: the name of a JPEG or PNG'],
    ['nowhere to draw', SHAPES_DIR, { out: 'nowhere/boxes.jpg' }, {}, '--out nowhere/boxes.jpg: ENOENT'],
    [
      'a provider that is not there',
      SHAPES_DIR,
      {},
      { PENSTOCK_EXECUTION_PROVIDER: process.platform === 'darwin' ? 'dml' : 'coreml' },
      'PENSTOCK_EXECUTION_PROVIDER: execution provider',
    ],
  ])('%s', async (_, dir, flags, environment, message) => {
    const out = join(await temporaryFolder(), 'boxes.jpg');
    const error: unknown = await checkModel(dir, { out, ...flags }, environment).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).toContain(message);
  });
});

/** Runs `penstock model check`. */
const run = (...args: string[]) => runProgram('model', 'check', ...args);

test('ends with 0 when the model can be used, 1 when it can not, 2 for a wrong question, with JSON where asked', async () => {
  const out = join(await temporaryFolder(), 'boxes.jpg');
  const good = await run(SHAPES_DIR, '--out', out, '--json');
  expect(good).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(good.stdout)).toMatchObject({ ok: true, run: { out } });
  const bad = await run(await changedModel((settings) => (settings['classes'] = ['one'])), '--out', out);
  expect(bad.code).toBe(1);
  expect(bad.stdout).toContain('output.scores, classes: ');
  expect(await run('nowhere')).toMatchObject({ code: 2, stdout: '' });
  expect(await run(SHAPES_DIR, '--colour')).toMatchObject({ code: 2, stdout: '' });
  expect(await run()).toMatchObject({ code: 2, stdout: '' });
});

describe.skipIf(!hasShared)('with the models and photos of ../shared (skipped where it is absent)', () => {
  test.each([
    ['yolox-nano', 80, 1],
    ['fastestdet', 80, 1],
    ['shapes', 6, 'dynamic'],
  ])('%s takes dog.jpg', async (name, classes, batch) => {
    const image = join(SHARED, 'photos/dog.jpg');
    const report = await check(join(SHARED, 'models', name), { image });
    expect(report).toMatchObject({
      ok: true,
      batch,
      model: { classes },
      run: { picture: 'dog.jpg', width: 768, height: 576 },
    });
    if (name === 'shapes') return;
    const dog = report.run?.detections.find((found) => found.class === 'dog');
    expect(dog && iou(dog, { xMin: 133, yMin: 206, xMax: 324, yMax: 542 })).toBeGreaterThan(0.85);
  });
});
