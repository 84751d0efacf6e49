import { expect, it } from 'vitest';
import { scene } from '../../src/scenes/index.js';
import { expectCountedOnce } from './countedOnce.js';
import { eventually, imageCounts, select, uploadAll } from './pipeline.js';
import { restartRole } from './restartRole.js';

/** In the order of a release: who reads before who writes. */
const ROLES = ['sink', 'orchestrator', 'detector', 'dispatcher', 'intake'];
const PREFIX = 'rolling/';
const AT_ONCE = 50;
/** Images that are on their way at once: in Kafka, in batches, in the sink. */
const MOST_AHEAD = 200;
const MOST_IMAGES = 10_000;
const pictures = await Promise.all(Array.from({ length: 16 }, async (_, seed) => (await scene(seed)).jpeg));

it(
  'a rolling restart of every role under load loses nothing, doubles nothing and costs no image a try',
  { timeout: 300_000 },
  async () => {
    const restarts = new AbortController();
    const load = uploadUntil(restarts.signal);
    load.catch(() => undefined);
    try {
      for (const role of ROLES) {
        const { rows } = await imageCounts(PREFIX);
        await eventually(
          () => imageCounts(PREFIX),
          (now) => now.rows > rows,
          60_000,
        );
        await restartRole(role);
      }
    } finally {
      restarts.abort();
    }
    const images = await load;
    await expectCountedOnce(PREFIX, images, 180_000);
    // A detector that drains ends what it has begun, or hands it back untried.
    const [tries] = await select<{ most: number }>(
      `SELECT max(attempts) AS most FROM image_results WHERE startsWith(object, '${PREFIX}')`,
    );
    expect(tries).toEqual({ most: 1 });
  },
);

/** Uploads pictures as fast as they are stored, every fifth event twice; resolves to how many. */
async function uploadUntil(over: AbortSignal): Promise<number> {
  let images = 0;
  while (!over.aborted && images < MOST_IMAGES) {
    const first = images;
    const next = Array.from({ length: AT_ONCE }, (_, index) => ({
      name: `${PREFIX}${first + index}.jpg`,
      bytes: pictures[(first + index) % pictures.length] ?? Buffer.alloc(0),
    }));
    await uploadAll(next, { twice: (index) => index % 5 === 0 });
    images += AT_ONCE;
    await eventually(
      () => imageCounts(PREFIX),
      ({ rows }) => over.aborted || rows >= images - MOST_AHEAD,
      120_000,
    );
  }
  return images;
}
