import sharp from 'sharp';
import type { Config } from '../config/index.js';
import type { ImageRef } from '../domain/index.js';
import { readImageName } from '../operations/index.js';
import { Gate } from '../service/index.js';
import type { ObjectReader } from '../storage/index.js';
import { resultsOf, uploadsOf, type Warehouse } from '../warehouse/index.js';
import { refuseOtherBuckets } from './buckets.js';
import { ConsoleError } from './errors.js';

/** Longest side of what is shown, pixels. */
const SIDE = 1_600;
const LIMIT_S = 10;
/** Pictures that are in memory at once, and that wait for it. */
const AT_ONCE = 2;
const MOST_WAITING = 20;

export interface PictureOptions {
  reader: ObjectReader;
  warehouse: Warehouse;
  config: Pick<Config, 'PENSTOCK_BUCKETS' | 'PENSTOCK_IMAGE_MAX_PIXELS'>;
}

/**
 * Shows the picture of a name with its generation. Only of images that Penstock has received: the console may be able to
 * read more than those who look at it may see. What it gives throws ConsoleError.
 */
export function createPictures({ reader, warehouse, config }: PictureOptions): (name: string) => Promise<Buffer> {
  const gate = new Gate(AT_ONCE, {
    mostWaiting: MOST_WAITING,
    error: () => new ConsoleError(503, 'too many pictures are asked for at once: ask again'),
  });
  return async (name) => {
    const { bucket, object, generation } = readImageName(name);
    if (generation === undefined) throw new ConsoleError(400, 'name: its generation, as gs://bucket/object#generation');
    const image = { bucket, object, generation };
    refuseOtherBuckets(image, config);
    if (!(await isKnown(warehouse, image)))
      throw new ConsoleError(404, `Penstock has no row of ${name}: only pictures that it has received are shown`);
    return gate.run(() => showPicture(image, { reader, maxPixels: config.PENSTOCK_IMAGE_MAX_PIXELS }));
  };
}

/** Its event is stored; of before events were, its result. */
async function isKnown(warehouse: Warehouse, image: ImageRef): Promise<boolean> {
  return (await uploadsOf(warehouse, image, 1)).length > 0 || (await resultsOf(warehouse, image, 1)).length > 0;
}

/**
 * A picture as the console shows it: turned as its EXIF orientation says, like the boxes, at most 1,600 pixels a side,
 * and encoded anew: nothing of what somebody uploaded gets to a browser as it is.
 */
async function showPicture(
  image: ImageRef,
  { reader, maxPixels }: { reader: ObjectReader; maxPixels: number },
): Promise<Buffer> {
  const found = await reader.read(image);
  if (found.kind !== 'bytes')
    throw new ConsoleError(found.kind === 'dead' ? 404 : 502, `${found.reason}: ${found.detail}`);
  try {
    return await sharp(found.bytes, { limitInputPixels: maxPixels, pages: 1 })
      .timeout({ seconds: LIMIT_S })
      .rotate()
      .resize(SIDE, SIDE, { fit: 'inside', withoutEnlargement: true })
      .webp({ quality: 80 })
      .toBuffer();
  } catch (error) {
    throw new ConsoleError(415, `it can not be shown: ${error instanceof Error ? error.message : String(error)}`);
  }
}
