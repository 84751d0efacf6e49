import { workerData } from 'node:worker_threads';
import type { ImageRef } from '../domain/index.js';
import { loadModel, prepareImage, tensorLength } from '../inference/index.js';
import { createObjectReader } from '../storage/index.js';
import type { PartThreadData } from './partProtocol.js';

/**
 * A thread that only downloads, or only decodes, for as long as it lives: as many pictures at once as a preparing thread
 * of a detector works on.
 */
const PICTURES_AT_ONCE = 4;

const { options, done } = workerData as PartThreadData;
const { images, storage, limits, part } = options;
const reader = createObjectReader(storage);
const counter = new Int32Array(done);
let next = 0;

async function download(image: ImageRef): Promise<Buffer> {
  const read = await reader.read(image);
  if (read.kind === 'bytes') return read.bytes;
  throw new Error(`${image.object}: ${read.reason}: ${read.detail}`);
}

/** Goes round and round; `work` is given what is next. */
async function loop<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<never> {
  for (;;) {
    const item = items[next++ % items.length];
    if (item === undefined) throw new Error('there are no pictures');
    await work(item);
    Atomics.add(counter, 0, 1);
  }
}

async function decodeAll(): Promise<void> {
  const { input } = await loadModel(options.modelDir);
  const pictures = await Promise.all(images.map(download));
  const length = tensorLength(input);
  const loops = Array.from({ length: PICTURES_AT_ONCE }, () => {
    const target = input.type === 'uint8' ? new Uint8Array(length) : new Float32Array(length);
    return loop(pictures, (bytes) => prepareImage(bytes, input, limits, target));
  });
  await Promise.all(loops);
}

async function downloadAll(): Promise<void> {
  await Promise.all(Array.from({ length: PICTURES_AT_ONCE }, () => loop(images, download)));
}

await (part === 'download' ? downloadAll() : decodeAll());
