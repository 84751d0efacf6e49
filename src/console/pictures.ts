import sharp from 'sharp';
import type { ImageRef } from '../domain/index.js';
import type { ObjectReader } from '../storage/index.js';
import { ConsoleError } from './errors.js';

/** Longest side of what is shown, pixels. */
const SIDE = 1_600;
const LIMIT_S = 10;

/**
 * A picture as the console shows it: turned as its EXIF orientation says, like the boxes, at most 1,600 pixels a side,
 * and encoded anew: nothing of what somebody uploaded gets to a browser as it is. Throws ConsoleError.
 */
export async function showPicture(
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
