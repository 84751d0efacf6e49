import { expect } from 'vitest';
import { eventually, imageCounts, select } from './pipeline.js';

interface Sums {
  images: number;
  detections: number;
}

/**
 * Waits for all images under a prefix, and holds that each was detected and counts once: in images, in detections and in
 * the rollups. They are `<number>.jpg` and repeat the same 16 pictures.
 */
export async function expectCountedOnce(prefix: string, images: number, withinMs: number): Promise<void> {
  const counts = await eventually(
    () => imageCounts(prefix),
    ({ rows }) => rows >= images,
    withinMs,
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
