import { describe, expect, it } from 'vitest';
import { scene } from '../../src/scenes/index.js';
import { endpointsNow, eventually, imageCounts, select, uploadAll } from './pipeline.js';

const ROLES = ['intake', 'dispatcher', 'detector', 'orchestrator', 'sink'];
const SERVERS = ['kafka', 'temporal', 'gcs', 'clickhouse'];
const pictures = await Promise.all(Array.from({ length: 16 }, async (_, seed) => (await scene(seed)).jpeg));

interface Sums {
  images: number;
  detections: number;
}

describe('in the middle of a stream of images, 20 % of the events twice', () => {
  it.each([
    { cast: 'role', names: ROLES, images: 2_000 },
    { cast: 'server', names: SERVERS, images: 1_000 },
  ])(
    'kill -9 of each $cast in turn loses none of $images, and each counts once in images, detections and rollups',
    { timeout: 600_000 },
    async ({ cast, names, images }) => {
      const prefix = `kills-${cast}/`;
      const uploads = uploadAll(
        Array.from({ length: images }, (_, index) => ({
          name: `${prefix}${index}.jpg`,
          bytes: pictures[index % pictures.length] ?? Buffer.alloc(0),
        })),
        { twice: (index) => index % 5 === 0 },
      );
      const killed: string[] = [];
      for (const [index, name] of names.entries()) {
        await eventually(
          () => imageCounts(prefix),
          ({ rows }) => rows >= (images / 12) * (index + 1),
          180_000,
        );
        killed.push(await kill(name));
      }
      expect(killed).toEqual(names);
      await uploads;
      const counts = await eventually(
        () => imageCounts(prefix),
        ({ rows }) => rows >= images,
        300_000,
      );
      expect(counts).toEqual({ rows: images, keys: images, detected: images, dead: 0 });

      const [boxes] = await select<{ boxes: number; keys: number }>(
        `SELECT count() AS boxes, uniqExact(object, class, x_min, y_min, x_max, y_max, score) AS keys
       FROM detections WHERE startsWith(object, '${prefix}')`,
      );
      expect(boxes?.boxes).toBe(boxes?.keys);
      // The same 16 pictures give the same boxes each time: what one gives is known from the table itself.
      const [perPicture] = await select<{ least: number; most: number }>(
        `SELECT min(boxes) AS least, max(boxes) AS most FROM (
         SELECT toUInt32(extract(object, '(\\\\d+)')) % 16 AS picture, uniqExact(boxes) AS boxes FROM (
           SELECT object, count() AS boxes FROM detections WHERE startsWith(object, '${prefix}') GROUP BY object
         ) GROUP BY picture)`,
      );
      expect(perPicture).toEqual({ least: 1, most: 1 });
      // The rollups agree with what they are made from, over everything that is stored: in sum and by class.
      const [base] = await select<Sums>(
        'SELECT (SELECT count() FROM images) AS images, (SELECT count() FROM detections) AS detections',
      );
      expect(await eventually(hourly, ({ images: rolled }) => rolled >= (base?.images ?? 0), 60_000)).toEqual(base);
      expect(await byClass('detections_hourly', 'sum(detections)')).toEqual(await byClass('detections', 'count()'));
    },
  );
});

/** SIGKILL; resolves when the supervisor has brought it back under another pid. */
async function kill(role: string): Promise<string> {
  const pid = (await endpointsNow()).pids[role];
  if (pid === undefined) throw new Error(`${role} does not run`);
  process.kill(pid, 'SIGKILL');
  await eventually(
    async () => (await endpointsNow()).pids[role],
    (now) => now !== undefined && now !== pid,
    60_000,
  );
  return role;
}

async function hourly(): Promise<Sums> {
  const [sums] = await select<Sums>('SELECT sum(images) AS images, sum(detections) AS detections FROM images_hourly');
  return sums ?? { images: 0, detections: 0 };
}

async function byClass(table: string, count: string): Promise<unknown> {
  return select(
    `SELECT class, ${count} AS boxes FROM ${table} WHERE startsWith(model, 'shapes@') GROUP BY class ORDER BY class`,
  );
}
