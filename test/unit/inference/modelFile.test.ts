import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadModel, ModelError } from '../../../src/inference/model/index.js';
import { changedModel, SHAPES_DIR, temporaryFolder, type Settings } from './rig.js';

describe('model.yaml', () => {
  test('the default model loads, and its identity is name@hash', async () => {
    const model = await loadModel(SHAPES_DIR);
    expect(model.id).toMatch(/^shapes@[0-9a-f]{12}$/);
    expect(model).toMatchObject({
      license: 'Apache-2.0',
      classes: ['circle', 'square', 'triangle', 'star', 'cross', 'ring'],
    });
    expect(structuredClone(model)).toEqual(model);
  });

  const input = (settings: Settings) => settings['input'] as Settings;
  const output = (settings: Settings) => settings['output'] as Settings;
  test.each<[string, (settings: Settings) => void, string]>([
    ['a layout that is none', (s) => (input(s)['layout'] = 'hwcn'), 'input.layout: one of nchw, nhwc'],
    ['no layout', (s) => delete input(s)['layout'], 'input.layout: one of nchw, nhwc'],
    ['a width in words', (s) => (input(s)['width'] = 'wide'), 'input.width: a whole number from 1 to 8192'],
    ['a key that is none', (s) => (input(s)['colour'] = 'rgb'), 'input.colour: no such key'],
    ['a std of 0', (s) => (input(s)['std'] = [1, 0, 1]), 'input.std.1: three numbers other than 0'],
    ['a mean for bytes', (s) => (input(s)['mean'] = [1, 2, 3]), 'input.mean: with type uint8 the mean is [0, 0, 0]'],
    [
      'a decoder that is none',
      (s) => (output(s)['decoder'] = 'ssd'),
      'output.decoder: one of the decoders boxes-scores',
    ],
    [
      'an order of box numbers that is none',
      (s) => (s['output'] = { decoder: 'boxes-scores-labels', boxFormat: 'xywh' }),
      'output.boxFormat: one of xyxy, yxyx, cxcywh',
    ],
    [
      'a unit that is none',
      (s) => (s['output'] = { decoder: 'boxes-scores-labels', boxUnits: 'percent' }),
      'output.boxUnits: one of pixels, relative',
    ],
    [
      'a first label below 0',
      (s) => (s['output'] = { decoder: 'boxes-scores-labels', firstLabel: -1 }),
      'output.firstLabel: a whole number from 0 to 10000',
    ],
    [
      'a transposition in words',
      (s) => (s['output'] = { decoder: 'yolov8', transposed: 'yes' }),
      'output.transposed: true or false',
    ],
    [
      'a key of another decoder',
      (s) => (s['output'] = { decoder: 'yolov5', transposed: true }),
      'output.transposed: no',
    ],
    [
      'a threshold for what is not suppressed',
      (s) => (s['output'] = { decoder: 'boxes-scores-labels' }),
      'iouThreshold: none while output.nms is false',
    ],
    ['no name of an output', (s) => delete output(s)['boxes'], 'output.boxes: text of 1 to 256 characters'],
    ['a threshold above 1', (s) => (s['scoreThreshold'] = 40), 'scoreThreshold: a number from 0 to 1'],
    ['no threshold', (s) => delete s['iouThreshold'], 'iouThreshold: needed with the decoder boxes-scores'],
    ['no file', (s) => delete s['file'], 'file: needed with the decoder boxes-scores'],
    ['a file that is not there', (s) => (s['file'] = 'gone.onnx'), "gone.onnx can't be read (ENOENT)"],
    ['a class twice', (s) => (s['classes'] = ['ring', 'ring']), "classes: 'ring' stands twice"],
    ['classes as a number', (s) => (s['classes'] = 6), 'classes: a list of class names, or a file'],
    ['a name that no queue can have', (s) => (s['name'] = 'My Model'), 'name: 1 to 63 of a-z'],
    ['no licence', (s) => delete s['license'], 'license: text of 1 to 256 characters'],
  ])('%s is an error that names the file and the key', async (_, change, message) => {
    const dir = await changedModel(change);
    const error = await loadModel(dir).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ModelError);
    expect(String(error)).toContain(`${join(dir, 'model.yaml')}: `);
    expect(String(error)).toContain(message);
  });

  test('everything that is wrong is said at once', async () => {
    const dir = await changedModel((settings) => {
      settings['name'] = '';
      input(settings)['layout'] = 'x';
    });
    await expect(loadModel(dir)).rejects.toThrow(/: name: .*\n.*: input\.layout: /);
    const complete = await changedModel((settings) => {
      delete settings['scoreThreshold'];
      settings['classes'] = ['ring', 'ring'];
      settings['file'] = 'gone.onnx';
    });
    await expect(loadModel(complete)).rejects.toThrow(/: scoreThreshold: .*\n.*: classes: .*\n.*: file: /);
  });

  test('detections that a model suppresses itself need no threshold of overlap, unless they are to be suppressed again', async () => {
    const change = (nms: boolean) => (settings: Settings) => {
      settings['output'] = { decoder: 'boxes-scores-labels', nms };
      delete settings['iouThreshold'];
    };
    expect((await loadModel(await changedModel(change(false)))).iouThreshold).toBe(1);
    await expect(loadModel(await changedModel(change(true)))).rejects.toThrow('iouThreshold: needed with the decoder');
  });

  test('a folder without model.yaml, and one that is no YAML, are errors that say so', async () => {
    const dir = await temporaryFolder();
    await expect(loadModel(dir)).rejects.toThrow("model.yaml: can't be read (ENOENT)");
    await writeFile(join(dir, 'model.yaml'), 'name: [shapes');
    await expect(loadModel(dir)).rejects.toThrow('model.yaml: no YAML: ');
  });

  test('classes come from a file, one name a line', async () => {
    const dir = await changedModel((settings) => (settings['classes'] = 'six.names'));
    await writeFile(join(dir, 'six.names'), 'circle\r\nsquare\ntriangle\nstar\ncross\nring\n\n');
    const [fromFile, listed] = [await loadModel(dir), await loadModel(SHAPES_DIR)];
    expect(fromFile.classes).toEqual(listed.classes);
    expect(fromFile.hash).toBe(listed.hash);
  });

  test('a model that does nothing needs neither a file nor an input', async () => {
    const dir = await temporaryFolder();
    await writeFile(
      join(dir, 'model.yaml'),
      'name: noop\nlicense: none\noutput: { decoder: none }\nclasses: [nothing]\n',
    );
    expect(await loadModel(dir)).toMatchObject({ name: 'noop', file: null });
  });
});

describe('the hash of a model', () => {
  test.each<[string, (settings: Settings) => void]>([
    ['a threshold', (s) => (s['scoreThreshold'] = 0.41)],
    ['the colour order', (s) => ((s['input'] as Settings)['color'] = 'bgr')],
    ['the name of a class', (s) => (s['classes'] = ['disc', 'square', 'triangle', 'star', 'cross', 'ring'])],
  ])('changes with %s', async (_, change) => {
    const changed = await loadModel(await changedModel(change));
    expect(changed.hash).not.toBe((await loadModel(SHAPES_DIR)).hash);
  });

  test('changes with the bytes of the ONNX file', async () => {
    const dir = await changedModel();
    await appendFile(join(dir, 'shapes.onnx'), '\0');
    expect((await loadModel(dir)).hash).not.toBe((await loadModel(SHAPES_DIR)).hash);
  });

  test('stays with what changes no detection: name, licence, order of keys, defaults written out', async () => {
    const dir = await changedModel((settings) => {
      settings['name'] = 'other';
      settings['license'] = 'MIT';
      settings['input'] = Object.fromEntries(Object.entries({ ...input(settings), mean: [0, 0, 0] }).reverse());
    });
    expect(await readFile(join(dir, 'model.yaml'), 'utf8')).toContain('mean');
    const [changed, original] = [await loadModel(dir), await loadModel(SHAPES_DIR)];
    expect(changed.hash).toBe(original.hash);
    expect(changed.id).toBe(`other@${original.hash}`);
  });

  const input = (settings: Settings) => settings['input'] as Settings;
});
