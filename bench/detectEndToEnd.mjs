import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Storage } from '@google-cloud/storage';
import { enqueue, median, storedPerSecond, withFolder, withStack } from './measure.mjs';

const IMAGES = 1_500;
const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const MODEL = path('../../shared/models/yolox-nano');
const PHOTO = path('../../shared/photos/dog.jpg');

/**
 * YOLOX-Nano on JPEGs of 768×576, cap off: uploads in the bucket and events in Kafka to rows in ClickHouse, against a bare
 * loop on the same pictures. The two alternate in one run; the ratio is the median of the pairs.
 */
export async function detectEndToEnd({ repeats, say }) {
  const common = { name: 'detect.endToEnd', unit: 'images/s' };
  if (!existsSync(MODEL) || !existsSync(PHOTO)) {
    return {
      ...common,
      value: null,
      baseline: null,
      ratio: null,
      repeats: 0,
      note: 'skipped: needs ../shared/models and ../shared/photos',
    };
  }
  const pairs = [];
  await withFolder((gcsDir) =>
    // One storage server for both, so that both find it as warm.
    withStack({ dataDir: gcsDir, roles: [] }, async (servers) => {
      const { gcs } = servers.endpoints();
      const images = await upload(gcs);
      for (const name of ['kafka', 'temporal', 'clickhouse']) await servers.takeDown(name);
      process.env.PENSTOCK_STACK_GCS = gcs;
      for (let repeat = 0; repeat < repeats; repeat += 1) {
        const baseline = await bareLoop(gcs, images);
        const value = await withFolder((dataDir) =>
          withStack({ dataDir, modelDir: MODEL, environment: { PENSTOCK_LOG_LEVEL: 'warn' } }, (stack) =>
            run(stack, images),
          ),
        );
        say(
          `path ${value.toFixed(1)}, bare loop ${baseline.toFixed(1)} images/s, ratio ${(value / baseline).toFixed(3)}`,
        );
        pairs.push({ value, baseline, ratio: value / baseline });
      }
      delete process.env.PENSTOCK_STACK_GCS;
    }),
  );
  return {
    ...common,
    value: median(pairs.map(({ value }) => value)),
    baseline: median(pairs.map(({ baseline }) => baseline)),
    ratio: median(pairs.map(({ ratio }) => ratio)),
    repeats,
    note: `YOLOX-Nano, ${IMAGES} JPEGs of 768×576, cap off, everything on ${availableParallelism()} cores, against a bare loop`,
  };
}

async function upload(gcs) {
  const bucket = new Storage({ apiEndpoint: gcs, projectId: 'penstock', useAuthWithCustomEndpoint: false }).bucket(
    'uploads',
  );
  const photo = await readFile(PHOTO);
  const images = [];
  for (let from = 0; from < IMAGES; from += 8) {
    const some = Array.from({ length: Math.min(8, IMAGES - from) }, async (_, index) => {
      const file = bucket.file(`bench/${from + index}.jpg`);
      await file.save(photo, { resumable: false, contentType: 'image/jpeg' });
      return { bucket: 'uploads', object: file.name, generation: String(file.metadata.generation) };
    });
    images.push(...(await Promise.all(some)));
  }
  return images;
}

async function run(stack, images) {
  const endpoints = stack.endpoints();
  // Java, Node and the model have warmed up when the first hundred are stored; the bare loop warms up too.
  const warmUp = images.slice(0, 100);
  await enqueue(endpoints, warmUp, 'yolox-nano');
  await storedPerSecond(endpoints, warmUp.length);
  await stack.takeDown('dispatcher');
  const measured = images.slice(100);
  await enqueue(endpoints, measured, 'yolox-nano');
  await stack.bringBack('dispatcher');
  return storedPerSecond(endpoints, images.length, { already: warmUp.length });
}

/** Images per second of all processes together, after each has warmed up. */
async function bareLoop(endpoint, images) {
  const options = JSON.stringify({ modelDir: MODEL, endpoint });
  const children = Array.from({ length: availableParallelism() }, () => fork(path('./bareLoop.mjs'), [options]));
  try {
    await Promise.all(children.map((child) => once(child, 'message')));
    const share = (from, to) =>
      Promise.all(
        children.map((child, index) => {
          child.send({ images: images.slice(from, to).filter((_, image) => image % children.length === index) });
          return once(child, 'message');
        }),
      );
    await share(0, 50);
    const startedAt = performance.now();
    await share(0, images.length);
    return (images.length / (performance.now() - startedAt)) * 1000;
  } finally {
    for (const child of children) child.kill();
  }
}
