import sharp, { type Metadata, type SharpOptions } from 'sharp';
import { enlarge } from './enlarge.js';
import { ImageError } from './errors.js';
import { sniffFormat } from './format.js';
import { place, tensorLength, writeTensor } from './pixels.js';
import type { InputSpec } from './spec.js';

// Pictures are decoded side by side by threads that the caller counts, so each takes one; nothing is seen twice.
sharp.concurrency(1);
sharp.cache(false);

export interface ImageLimits {
  /** Most pixels of a picture, before any are decoded. */
  maxPixels: number;
  /** Milliseconds for reading the header and decoding. */
  timeoutMs: number;
}

/**
 * How a picture lies in the input of the model: `inputX = pictureX * scaleX + offsetX`, likewise y. Plain, so it can be
 * sent between threads.
 */
export interface Prepared {
  /** Pixels of the picture after EXIF orientation. */
  width: number;
  height: number;
  /** Input pixels a picture pixel. */
  scaleX: number;
  scaleY: number;
  /** Input pixels. */
  offsetX: number;
  offsetY: number;
}

/**
 * Decodes a picture and writes it into `target`, which may be a view on shared memory and has `tensorLength(input)`
 * elements of the input's type, float32 for float16 too. EXIF orientation is honoured, transparency becomes white, every colour space becomes
 * 8-bit RGB, of an animation the first frame counts. Throws ImageError; the target is then as it was.
 */
export async function prepareImage(
  bytes: Uint8Array,
  input: InputSpec,
  limits: ImageLimits,
  target: Float32Array | Uint8Array,
): Promise<Prepared> {
  checkTarget(input, target);
  checkFormat(bytes);
  return within(limits.timeoutMs, async (isLate) => {
    const picture = await readHeader(bytes, limits);
    const placement = place(picture, input);
    const size = {
      width: Math.min(picture.width, placement.width),
      height: Math.min(picture.height, placement.height),
    };
    const rgb = await decode(bytes, picture, size, limits);
    if (!isLate()) writeTensor(enlarge(rgb, size, placement), placement, input, target);
    return {
      width: picture.width,
      height: picture.height,
      scaleX: placement.width / picture.width,
      scaleY: placement.height / picture.height,
      offsetX: placement.left,
      offsetY: placement.top,
    };
  });
}

function checkTarget(input: InputSpec, target: Float32Array | Uint8Array): void {
  const type = target instanceof Uint8Array ? 'uint8' : 'float32';
  const wanted = input.type === 'uint8' ? 'uint8' : 'float32';
  if (type !== wanted || target.length !== tensorLength(input))
    throw new RangeError(
      `target has ${target.length} elements of ${type}, the input ${tensorLength(input)} of ${wanted}`,
    );
}

function checkFormat(bytes: Uint8Array): void {
  if (bytes.byteLength === 0) throw new ImageError('NOT_AN_IMAGE', 'the object is empty');
  const sniffed = sniffFormat(bytes);
  if (sniffed.kind === 'unknown') throw new ImageError('NOT_AN_IMAGE', 'the bytes begin like no picture');
  if (sniffed.kind === 'unsupported')
    throw new ImageError(
      'UNSUPPORTED_FORMAT',
      `${sniffed.format} is not decoded; JPEG, PNG, WebP, GIF, TIFF and AVIF are`,
    );
}

/** `width` and `height` are those after EXIF orientation. */
interface Header {
  width: number;
  height: number;
  turned: boolean;
  hasAlpha: boolean;
  /** Whether pixels are RGB already, so that a colour profile may be left alone, as models are trained. */
  isRgb: boolean;
}

async function readHeader(bytes: Uint8Array, limits: ImageLimits): Promise<Header> {
  let metadata: Metadata;
  try {
    // The own check below can name the numbers, so libvips' limit stays out of the way here.
    metadata = await sharp(bytes, { ...READING, limitInputPixels: false }).metadata();
  } catch (error) {
    throw decodeError(error);
  }
  const { width, height } = metadata.autoOrient;
  if (width * height > limits.maxPixels)
    throw new ImageError('TOO_MANY_PIXELS', `${width}x${height} pixels, at most ${limits.maxPixels} are decoded`);
  return {
    width,
    height,
    turned: (metadata.orientation ?? 1) > 1,
    hasAlpha: metadata.hasAlpha,
    isRgb: metadata.space === 'srgb',
  };
}

/** Damage and truncation fail; mere warnings (odd but complete files of real cameras) don't. */
const READING = { failOn: 'error', sequentialRead: true } satisfies SharpOptions;

async function decode(
  bytes: Uint8Array,
  picture: Header,
  size: { width: number; height: number },
  limits: ImageLimits,
): Promise<Uint8Array> {
  let pipeline = sharp(bytes, { ...READING, limitInputPixels: limits.maxPixels, ignoreIcc: picture.isRgb });
  if (picture.turned) pipeline = pipeline.autoOrient();
  if (picture.hasAlpha) pipeline = pipeline.flatten({ background: '#ffffff' });
  try {
    return await pipeline
      .timeout({ seconds: Math.min(3600, Math.ceil(limits.timeoutMs / 1000)) })
      .resize(size.width, size.height, { fit: 'fill', kernel: 'linear' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer();
  } catch (error) {
    throw decodeError(error);
  }
}

function decodeError(error: unknown): ImageError {
  const message = error instanceof Error ? error.message : String(error);
  const [first = ''] = message.split('\n');
  const detail = first.slice(0, 300);
  if (/pixel limit/i.test(message)) return new ImageError('TOO_MANY_PIXELS', detail);
  if (/timeout/i.test(message)) return new ImageError('DECODE_TIMEOUT', detail);
  return new ImageError('CORRUPT_IMAGE', detail);
}

/** libvips stops by itself at whole seconds; this bound is exact and covers the header too. */
async function within<T>(timeoutMs: number, work: (isLate: () => boolean) => Promise<T>): Promise<T> {
  let late = false;
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      late = true;
      reject(new ImageError('DECODE_TIMEOUT', `decoding took longer than ${timeoutMs} ms`));
    }, timeoutMs);
  });
  try {
    return await Promise.race([work(() => late), deadline]);
  } finally {
    clearTimeout(timer);
  }
}
