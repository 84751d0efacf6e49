import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { brokenPictures, folderPictures, scenePictures } from '../../../src/cli/demo/pictures.js';
import { prepareImage, tensorLength, type InputSpec } from '../../../src/inference/model/index.js';

async function folder(files: string[]): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'penstock-pictures-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  for (const file of files) await writeFile(join(path, file), file);
  return path;
}

test('scenes are the same each time they are loaded, and differ in size', async () => {
  const pictures = scenePictures(12);
  const loaded = await Promise.all(pictures.map((picture) => picture.load()));
  const again = await scenePictures(3)[2]?.load();
  expect(again?.bytes.equals(loaded[2]?.bytes ?? Buffer.alloc(0))).toBe(true);
  expect(new Set(pictures.map(({ name }) => name)).size).toBe(12);
  expect(new Set(loaded.map(({ bytes }) => bytes.length)).size).toBe(12);
  expect(loaded.some(({ truth = [] }) => truth.length > 0)).toBe(true);
});

test('the pictures of a folder are taken in order, nothing else of it, and again from the start when more are asked for', async () => {
  const path = await folder(['b.PNG', 'a.jpg', 'notes.txt', 'c.webp']);
  expect((await folderPictures(path)).map(({ name }) => name)).toEqual(['a.jpg', 'b.PNG', 'c.webp']);
  const five = await folderPictures(path, 5);
  expect(five.map(({ name }) => name)).toEqual(['a.jpg', 'b.PNG', 'c.webp', '2/a.jpg', '2/b.PNG']);
  expect(five.map(({ contentType }) => contentType).slice(0, 3)).toEqual(['image/jpeg', 'image/png', 'image/webp']);
  expect((await five[4]?.load())?.bytes.toString()).toBe('b.PNG');
});

test('a folder without pictures, or none at all, is a sentence', async () => {
  const path = await folder(['notes.txt']);
  await expect(folderPictures(path)).rejects.toThrow(`There is no picture (jpg, jpeg, png, webp) in ${path}.`);
  await expect(folderPictures(join(path, 'none'))).rejects.toThrow(`${join(path, 'none')} can not be read`);
});

const INPUT: InputSpec = {
  width: 64,
  height: 64,
  layout: 'nhwc',
  type: 'uint8',
  color: 'rgb',
  resize: 'letterbox-top-left',
  pad: 114,
  mean: [0, 0, 0],
  std: [1, 1, 1],
};

test('each broken picture fails for a reason of its own, and the deleted one would be good', async () => {
  const reasons: Record<string, string> = {};
  for (const picture of brokenPictures()) {
    const { bytes } = await picture.load();
    const target = new Uint8Array(tensorLength(INPUT));
    reasons[picture.name] = await prepareImage(bytes, INPUT, { maxPixels: 1e6, timeoutMs: 10_000 }, target).then(
      () => 'good',
      (error: unknown) => (error instanceof Error && 'reason' in error ? String(error.reason) : String(error)),
    );
  }
  expect(reasons).toEqual({
    'broken/empty.jpg': 'NOT_AN_IMAGE',
    'broken/notes.jpg': 'NOT_AN_IMAGE',
    'broken/cut.jpg': 'CORRUPT_IMAGE',
    'broken/drawing.jpg': 'UNSUPPORTED_FORMAT',
    'broken/deleted.jpg': 'good',
  });
});
