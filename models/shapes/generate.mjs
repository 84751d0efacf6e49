#!/usr/bin/env node
// Writes generated scenes as the model sees them, for train.py and evaluate.py. Run `npm run build` first.
//
//   node models/shapes/generate.mjs --out DIR [--count 1000] [--seeds held-out] [--jobs 2]
//
// DIR/images.u8     count x 256 x 256 x 3 bytes: each scene as JPEG, decoded and letterboxed as for inference
// DIR/objects.json  for each scene a list of [class index, xMin, yMin, xMax, yMax] in pixels of the input
//
// Scene number i has the seed `<seeds>-<i>`: other seeds are other scenes.
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { loadModel, prepareImage, tensorLength } = await import('../../dist/inference/model/index.js');
const { scene, SHAPES } = await import('../../dist/scenes/index.js');

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    count: { type: 'string', default: '1000' },
    seeds: { type: 'string', default: 'held-out' },
    jobs: { type: 'string', default: '2' },
  },
});
if (!values.out) throw new Error('--out DIR: where the scenes go');

const { input } = await loadModel(import.meta.dirname);
const limits = { maxPixels: 1e7, timeoutMs: 60_000 };
const count = Number(values.count);
const objects = new Array(count);
await mkdir(values.out, { recursive: true });
const images = await open(join(values.out, 'images.u8'), 'w');

let next = 0;
async function work() {
  const tensor = new Uint8Array(tensorLength(input));
  for (let index = next++; index < count; index = next++) {
    const made = await scene(`${values.seeds}-${index}`);
    const { scaleX, scaleY, offsetX, offsetY } = await prepareImage(made.jpeg, input, limits, tensor);
    await images.write(tensor, 0, tensor.length, index * tensor.length);
    objects[index] = made.objects.map((object) => [
      SHAPES.indexOf(object.class),
      object.xMin * scaleX + offsetX,
      object.yMin * scaleY + offsetY,
      object.xMax * scaleX + offsetX,
      object.yMax * scaleY + offsetY,
    ]);
  }
}
await Promise.all(Array.from({ length: Number(values.jobs) }, work));
await images.close();
await writeFile(join(values.out, 'objects.json'), JSON.stringify(objects));
