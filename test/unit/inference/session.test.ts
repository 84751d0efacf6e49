import { existsSync } from 'node:fs';
import { appendFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  loadModel,
  ModelError,
  openSession,
  prepareImage,
  ProviderError,
  tensorLength,
  type Model,
  type ModelSession,
  type Prepared,
  type Provider,
} from '../../../src/inference/model/index.js';
import { scene, score } from '../../../src/scenes/index.js';
import { changedModel, CPU, detect, LIMITS, SHAPES_DIR, sharedTensor, temporaryFolder, type Settings } from './rig.js';

async function open(dir: string): Promise<{ model: Model; session: ModelSession }> {
  const model = await loadModel(dir);
  const session = await openSession(model, CPU);
  onTestFinished(() => session.close());
  return { model, session };
}

describe('the default model', () => {
  test('finds nine of ten shapes of scenes that it has never seen, and nine of ten that it finds are there', async () => {
    const { model, session } = await open(SHAPES_DIR);
    const sum = { truePositives: 0, falsePositives: 0, missed: 0 };
    for (let seed = 0; seed < 40; seed++) {
      const { jpeg, width, height, objects } = await scene(`unit-${seed}`);
      const { prepared, detections } = await detect(session, model, jpeg);
      expect(prepared).toMatchObject({ width, height });
      const counts = score(detections, objects);
      sum.truePositives += counts.truePositives;
      sum.falsePositives += counts.falsePositives;
      sum.missed += counts.missed;
      for (const { xMin, yMin, xMax, yMax } of detections) {
        expect(0 <= xMin && xMin < xMax && xMax <= width).toBe(true);
        expect(0 <= yMin && yMin < yMax && yMax <= height).toBe(true);
      }
      expect(detections).toEqual(detections.toSorted((a, b) => b.score - a.score));
    }
    expect(sum.truePositives).toBeGreaterThan(50);
    expect(sum.truePositives / (sum.truePositives + sum.falsePositives)).toBeGreaterThan(0.9);
    expect(sum.truePositives / (sum.truePositives + sum.missed)).toBeGreaterThan(0.9);
  });

  test('finds the same in a batch as alone, whatever ran before', async () => {
    const { model, session } = await open(SHAPES_DIR);
    expect(session.maxBatch).toBe(Infinity);
    const length = tensorLength(model.input);
    const pictures = await Promise.all([1, 2, 3, 4, 5].map((seed) => scene(`batch-${seed}`)));
    const tensor = sharedTensor(model.input, 8);
    const prepared: Prepared[] = [];
    for (const [index, { jpeg }] of pictures.entries()) {
      const target = tensor.subarray(index * length, (index + 1) * length);
      prepared.push(await prepareImage(jpeg, model.input, LIMITS, target));
    }
    const outputs = await session.run(tensor, pictures.length);
    for (const [index, { jpeg }] of pictures.entries()) {
      const alone = (await detect(session, model, jpeg)).detections;
      const mapping = prepared[index];
      if (!mapping) throw new Error('not prepared');
      const together = session.detections(outputs, index, mapping);
      expect(together.map((found) => found.class)).toEqual(alone.map((found) => found.class));
      together.forEach((found, at) => expect(found.xMin).toBeCloseTo(alone[at]?.xMin ?? NaN, 1));
    }
    await expect(session.run(tensor, 0)).rejects.toThrow(RangeError);
    expect(() => session.detections(outputs, 5, firstOf(prepared))).toThrow(RangeError);
  });
});

function firstOf<T>(values: readonly T[]): T {
  const [first] = values;
  if (first === undefined) throw new Error('empty');
  return first;
}

describe('a model whose ONNX file is not what model.yaml says is an error that names both', () => {
  const input = (settings: Settings) => settings['input'] as Settings;
  test.each<[string, (settings: Settings) => void, string]>([
    [
      'size',
      (s) => (input(s)['width'] = 320),
      "input.width: has the input 'images' uint8 [n, 256, 256, 3], but input in model.yaml says uint8 [any, 256, 320, 3] (nhwc)",
    ],
    ['height', (s) => (input(s)['height'] = 320), 'input.height: has the input'],
    ['layout', (s) => (input(s)['layout'] = 'nchw'), 'input.layout: has the input'],
    ['type', (s) => (input(s)['type'] = 'float32'), 'input.type: has the input'],
    [
      'outputs',
      (s) => (s['output'] = { decoder: 'boxes-scores', boxes: 'rects', scores: 'scores' }),
      "output.boxes: has the outputs 'boxes' float32 [n, 1024, 4], 'scores' float32 [n, ",
    ],
    [
      'classes, which the file leaves open',
      (s) => (s['classes'] = ['circle', 'square']),
      "output.scores, classes: output 'scores' is [1, 1024, 6] after a run, not [1, any, 2]",
    ],
    [
      'outputs swapped',
      (s) => (s['output'] = { decoder: 'boxes-scores', boxes: 'scores', scores: 'boxes' }),
      "has the output 'boxes' float32 [n, 1024, 4] instead of float32 [any, any, 6]",
    ],
    ['decoder', (s) => (s['output'] = { decoder: 'yolox' }), 'instead of float32 [any, 1344, 11]'],
  ])('%s', async (_, change, message) => {
    const model = await loadModel(await changedModel(change));
    const error: unknown = await openSession(model, CPU).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ModelError);
    expect(String(error)).toContain('shapes.onnx: ');
    expect(String(error)).toContain(message);
  });

  test('everything that is wrong is said at once, with what the file has', async () => {
    const model = await loadModel(
      await changedModel((settings) => {
        input(settings)['layout'] = 'nchw';
        settings['output'] = { decoder: 'boxes-scores', boxes: 'rects', scores: 'boxes' };
      }),
    );
    const error: unknown = await openSession(model, CPU).catch((thrown: unknown) => thrown);
    expect(String(error)).toMatch(/: input\.layout: .*\n.*: output\.boxes: .*\n.*: output\.scores, classes: /);
    expect(error).toMatchObject({ inputs: [{ name: 'images' }], outputs: [{ name: 'boxes' }, { name: 'scores' }] });
  });

  test('a file that is no ONNX', async () => {
    const dir = await changedModel();
    await writeFile(join(dir, 'shapes.onnx'), 'no model');
    await expect(openSession(await loadModel(dir), CPU)).rejects.toThrow(/shapes\.onnx: no ONNX file that can be used/);
  });

  test('a file that changed after it got its name', async () => {
    const dir = await changedModel();
    const model = await loadModel(dir);
    await appendFile(join(dir, 'shapes.onnx'), '\0');
    await expect(openSession(model, CPU)).rejects.toThrow(`changed since it was loaded as ${model.id}`);
  });
});

/** Where ONNX Runtime's CUDA libraries are installed there is nothing to refuse. */
const cudaLibrary = join(
  dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json')),
  'bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so',
);

describe('an execution provider that is not there is an error that lists those that are, never a fall-back', () => {
  async function refusal(provider: Provider): Promise<unknown> {
    const model = await loadModel(SHAPES_DIR);
    return openSession(model, { ...CPU, provider }).catch((thrown: unknown) => thrown);
  }

  test('one that this build does not have', async () => {
    const provider = process.platform === 'darwin' ? 'dml' : 'coreml';
    const error = await refusal(provider);
    expect(error).toBeInstanceOf(ProviderError);
    expect(String(error)).toMatch(new RegExp(`execution provider ${provider} is not there; .* has .*cpu`));
  });

  test.skipIf(process.platform !== 'linux' || existsSync(cudaLibrary))('one whose libraries are missing', async () => {
    const error = await refusal('cuda');
    expect(error).toBeInstanceOf(ProviderError);
    expect(String(error)).toMatch(/execution provider cuda (can't be used|is not there).* has .*cpu/);
  });
});

test('a model that does nothing answers for any number of images, without an ONNX file', async () => {
  const dir = await temporaryFolder();
  await writeFile(
    join(dir, 'model.yaml'),
    'name: noop\nlicense: none\noutput: { decoder: none }\nclasses: [nothing]\n',
  );
  const { model, session } = await open(dir);
  const outputs = await session.run(sharedTensor(model.input, 1000), 1000);
  const mapping = { width: 9, height: 9, scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 };
  expect(session.detections(outputs, 999, mapping)).toEqual([]);
});
