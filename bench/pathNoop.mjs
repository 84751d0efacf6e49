import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { countRows, enqueue, median, storedPerSecond, withFolder, withStack } from './measure.mjs';

const IMAGES = 60_000;

/**
 * What the path itself can carry: a model that does nothing, pictures that need no download. The backlog stands in Kafka
 * before the dispatcher starts; measured from there to rows in ClickHouse.
 */
export async function pathNoop({ repeats, say }) {
  const rates = [];
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const rate = await withFolder((dataDir) =>
      withStack(
        { dataDir, modelDir: fileURLToPath(new URL('./models/noop', import.meta.url)), environment: SETTINGS },
        run,
      ),
    );
    say(`${Math.round(rate)} images/s`);
    rates.push(rate);
  }
  return {
    ...{
      name: 'path.noop',
      unit: 'images/s',
      value: median(rates),
      baseline: 4000,
      ratio: median(rates) / 4000,
      repeats,
    },
    note: `Kafka to ClickHouse, ${IMAGES} images, all servers and roles on ${availableParallelism()} cores; baseline is the aim`,
  };
}

/** Batches as large as their bound of bytes allows: a batch costs Temporal the same whatever its size. */
const SETTINGS = { PENSTOCK_BATCH_MAX_IMAGES: '1024', PENSTOCK_DETECT_CHILDREN: '1', PENSTOCK_LOG_LEVEL: 'warn' };

async function run(stack) {
  const endpoints = stack.endpoints();
  await stack.takeDown('dispatcher');
  const images = Array.from({ length: IMAGES }, (_, index) => ({
    ...{ bucket: 'uploads', object: `bench/2026/${index}.jpg`, generation: String(1_700_000_000_000_000 + index) },
  }));
  await enqueue(endpoints, images, 'noop');
  await stack.bringBack('dispatcher');
  const rate = await storedPerSecond(endpoints, IMAGES);
  for (let wait = 0; wait < 100 && (await countRows(endpoints)) < IMAGES; wait += 1)
    await new Promise((r) => setTimeout(r, 100));
  const counted = await countRows(endpoints, 'images');
  if (counted !== IMAGES) throw new Error(`${counted} of ${IMAGES} images are counted`);
  return rate;
}
