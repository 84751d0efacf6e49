import sharp, { type Sharp } from 'sharp';
import { describe, expect, test, vi } from 'vitest';
import { ImageError, prepareImage, type InputSpec } from '../../../src/inference/model/index.js';
import { LIMITS, sharedTensor } from './rig.js';

const INPUT: InputSpec = {
  width: 64,
  height: 64,
  layout: 'nhwc',
  type: 'uint8',
  color: 'rgb',
  resize: 'letterbox-top-left',
  pad: 114,
  mean: [0, 0, 0],
  std: [1, 1, 1],
};
const [RED, GREEN, BLUE] = [200, 100, 50];

/** 200x100, one colour. */
function plain(): Sharp {
  return sharp({ create: { width: 200, height: 100, channels: 3, background: { r: RED, g: GREEN, b: BLUE } } });
}

/** 300x300 of noise: no part of the file is without meaning. */
function noisy(): Sharp {
  const noise = { type: 'gaussian', mean: 128, sigma: 40 } as const;
  return sharp({ create: { width: 300, height: 300, channels: 3, background: '#000', noise } });
}

async function prepared(picture: Uint8Array, input = INPUT) {
  const tensor = sharedTensor(input);
  const mapping = await prepareImage(picture, input, LIMITS, tensor);
  const pixel = (x: number, y: number) =>
    [0, 1, 2].map((channel) =>
      input.layout === 'nhwc'
        ? tensor[(y * input.width + x) * 3 + channel]
        : tensor[(channel * input.height + y) * input.width + x],
    );
  return { tensor, mapping, pixel };
}

async function refusal(picture: Uint8Array, limits = LIMITS): Promise<string> {
  try {
    await prepareImage(picture, INPUT, limits, sharedTensor(INPUT));
    return 'none';
  } catch (error) {
    return error instanceof ImageError ? error.reason : String(error);
  }
}

describe('a picture becomes a tensor', () => {
  test('letterboxed at the top left, the rest is padding', async () => {
    const { mapping, pixel } = await prepared(await plain().png().toBuffer());
    expect(mapping).toEqual({ width: 200, height: 100, scaleX: 0.32, scaleY: 0.32, offsetX: 0, offsetY: 0 });
    expect([pixel(0, 0), pixel(63, 31)]).toEqual([
      [RED, GREEN, BLUE],
      [RED, GREEN, BLUE],
    ]);
    expect([pixel(0, 32), pixel(63, 63)]).toEqual([
      [114, 114, 114],
      [114, 114, 114],
    ]);
  });

  test('letterboxed in the centre', async () => {
    const { mapping, pixel } = await prepared(await plain().png().toBuffer(), { ...INPUT, resize: 'letterbox-center' });
    expect(mapping).toMatchObject({ scaleX: 0.32, offsetX: 0, offsetY: 16 });
    expect([pixel(5, 15), pixel(5, 16), pixel(5, 47), pixel(5, 48)]).toEqual([
      [114, 114, 114],
      [RED, GREEN, BLUE],
      [RED, GREEN, BLUE],
      [114, 114, 114],
    ]);
  });

  test('stretched, also from something extreme', async () => {
    const { mapping, pixel } = await prepared(await plain().png().toBuffer(), { ...INPUT, resize: 'stretch' });
    expect(mapping).toMatchObject({ scaleX: 0.32, scaleY: 0.64 });
    expect(pixel(63, 63)).toEqual([RED, GREEN, BLUE]);
    const line = await prepared(await plain().resize(1, 5000, { fit: 'fill' }).png().toBuffer());
    expect(line.mapping).toMatchObject({ width: 1, height: 5000, scaleX: 1, scaleY: 0.0128 });
  });

  test.each(['nchw', 'nhwc'] as const)('as floats, %s, in BGR, less the mean, by the std', async (layout) => {
    const input: InputSpec = { ...INPUT, layout, type: 'float32', color: 'bgr', mean: [10, 20, 30], std: [2, 4, 5] };
    const { pixel } = await prepared(await plain().png().toBuffer(), input);
    expect(pixel(3, 3)).toEqual([(BLUE - 10) / 2, (GREEN - 20) / 4, (RED - 30) / 5]);
    expect(pixel(3, 40)).toEqual([(114 - 10) / 2, (114 - 20) / 4, Math.fround((114 - 30) / 5)]);
  });

  test.each(['nchw', 'nhwc'] as const)('as floats, %s, in RGB', async (layout) => {
    const { pixel } = await prepared(await plain().png().toBuffer(), { ...INPUT, layout, type: 'float32' });
    expect(pixel(3, 3)).toEqual([RED, GREEN, BLUE]);
  });

  test('as bytes in BGR', async () => {
    const { pixel } = await prepared(await plain().png().toBuffer(), { ...INPUT, color: 'bgr' });
    expect(pixel(3, 3)).toEqual([BLUE, GREEN, RED]);
  });

  test('and leaves nothing of the picture before it', async () => {
    const tensor = sharedTensor(INPUT).fill(7);
    await prepareImage(await plain().png().toBuffer(), INPUT, LIMITS, tensor);
    expect(tensor.includes(7)).toBe(false);
  });

  test('only into a target of its type and length', async () => {
    const picture = await plain().png().toBuffer();
    await expect(prepareImage(picture, INPUT, LIMITS, new Uint8Array(3))).rejects.toThrow(RangeError);
    await expect(prepareImage(picture, INPUT, LIMITS, new Float32Array(64 * 64 * 3))).rejects.toThrow(RangeError);
  });
});

describe('a picture of another size', () => {
  /** OpenCV's INTER_LINEAR for one line: between the centres of pixels. */
  const interpolated = (line: readonly number[], length: number): number[] =>
    Array.from({ length }, (_, at) => {
      const place = Math.min(line.length - 1, Math.max(0, ((at + 0.5) * line.length) / length - 0.5));
      const [left = 0, right = 0] = [line[Math.floor(place)], line[Math.ceil(place)]];
      return left + (right - left) * (place % 1);
    });
  /** Columns, rows, or both change from black to white in the middle. */
  const edge = (size: number): number[] => Array.from({ length: size }, (_, at) => (at < size / 2 ? 0 : 240));
  async function prepareEdges(width: number, height: number) {
    const [columns, rows] = [edge(width), edge(height)];
    const raw = Buffer.alloc(width * height * 3);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) raw.set([columns[x] ?? 0, rows[y] ?? 0, 0], (y * width + x) * 3);
    const png = await sharp(raw, { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer();
    const { pixel } = await prepared(png, { ...INPUT, resize: 'stretch' });
    return {
      across: Array.from({ length: 64 }, (_, x) => pixel(x, 20)[0] ?? 0),
      down: Array.from({ length: 64 }, (_, y) => pixel(20, y)[1] ?? 0),
    };
  }

  test.each([
    [32, 32],
    [8, 8],
    [20, 48],
    [2, 64],
  ])('is enlarged between the centres of its pixels: %i x %i', async (width, height) => {
    const { across, down } = await prepareEdges(width, height);
    interpolated(edge(width), 64).forEach((value, at) => expect(Math.abs((across[at] ?? 0) - value)).toBeLessThan(1));
    interpolated(edge(height), 64).forEach((value, at) => expect(Math.abs((down[at] ?? 0) - value)).toBeLessThan(1));
  });

  test.each([
    [128, 128],
    [100, 640],
    [16, 200],
  ])('has its edges where they were: %i x %i', async (width, height) => {
    for (const line of Object.values(await prepareEdges(width, height))) {
      const white = line.reduce((sum, value) => sum + value, 0) / 240;
      expect(Math.abs(white - 32)).toBeLessThan(0.1);
    }
  });
});

describe('every kind of picture is 8-bit RGB', () => {
  const deep = Uint16Array.from({ length: 200 * 100 * 3 }, (_, at) => ([RED, GREEN, BLUE][at % 3] ?? 0) * 257);
  test.each<[string, () => Promise<Buffer>]>([
    ['JPEG', () => plain().jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer()],
    [
      'progressive JPEG',
      () => plain().jpeg({ quality: 100, chromaSubsampling: '4:4:4', progressive: true }).toBuffer(),
    ],
    ['PNG with a palette', () => plain().png({ palette: true }).toBuffer()],
    [
      'PNG of 16 bits',
      () =>
        sharp(deep, { raw: { width: 200, height: 100, channels: 3 } })
          .toColourspace('rgb16')
          .png()
          .toBuffer(),
    ],
    ['lossless WebP', () => plain().webp({ lossless: true }).toBuffer()],
    ['GIF', () => plain().gif().toBuffer()],
    ['TIFF', () => plain().tiff({ compression: 'lzw' }).toBuffer()],
    ['AVIF', () => plain().avif({ quality: 100, chromaSubsampling: '4:4:4', effort: 0 }).toBuffer()],
  ])('%s', async (_, make) => {
    const { pixel } = await prepared(await make());
    pixel(9, 9).forEach((value, channel) =>
      expect(Math.abs((value ?? 0) - ([RED, GREEN, BLUE][channel] ?? 0))).toBeLessThan(3),
    );
  });

  test('CMYK, nearly: print has no such red', async () => {
    const { pixel } = await prepared(await plain().toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer());
    const [red = 0, green = 0, blue = 0] = pixel(9, 9);
    expect(Math.abs(red - RED)).toBeLessThan(12);
    expect(Math.abs(green - GREEN)).toBeLessThan(12);
    expect(Math.abs(blue - BLUE)).toBeLessThan(40);
  });

  test('by its colour profile only where it is not RGB: models are trained on RGB as it is stored', async () => {
    const { pixel } = await prepared(await plain().withIccProfile('p3').png().toBuffer());
    const stored = await sharp(await plain().withIccProfile('p3').png().toBuffer(), { ignoreIcc: true })
      .raw()
      .toBuffer();
    expect(pixel(9, 9)).toEqual([...stored.subarray(0, 3)]);
    expect(stored[0]).not.toBe(RED);
  });

  test.each<[string, (grey: Sharp) => Sharp]>([
    ['JPEG', (grey) => grey.jpeg({ quality: 100 })],
    ['PNG', (grey) => grey.png()],
    ['PNG of 16 bits', (grey) => grey.toColourspace('grey16').png()],
  ])('grey %s has three equal channels', async (_, write) => {
    const grey = Buffer.alloc(200 * 100, 90);
    const { pixel } = await prepared(
      await write(sharp(grey, { raw: { width: 200, height: 100, channels: 1 } })).toBuffer(),
    );
    pixel(9, 9).forEach((value) => expect(Math.abs((value ?? 0) - 90)).toBeLessThan(3));
  });

  test('what is transparent is white', async () => {
    const background = { r: 1, g: 2, b: 3, alpha: 0 };
    const { pixel } = await prepared(
      await sharp({ create: { width: 80, height: 80, channels: 4, background } })
        .png()
        .toBuffer(),
    );
    expect(pixel(9, 9)).toEqual([255, 255, 255]);
  });

  test('of an animation the first frame', async () => {
    const frames = Buffer.concat([Buffer.alloc(80 * 80 * 3, 10), Buffer.alloc(80 * 80 * 3, 250)]);
    const gif = await sharp(frames, { raw: { width: 80, height: 160, channels: 3, pageHeight: 80 } })
      .gif()
      .toBuffer();
    const { mapping, pixel } = await prepared(gif);
    expect(mapping).toMatchObject({ width: 80, height: 80 });
    expect(pixel(9, 60)[0]).toBeLessThan(30);
  });

  /** Where the corner that a viewer shows at the top left is stored, by the EXIF standard's table. */
  test.each([
    [1, 'left', 'top'],
    [2, 'right', 'top'],
    [3, 'right', 'bottom'],
    [4, 'left', 'bottom'],
    [5, 'left', 'top'],
    [6, 'left', 'bottom'],
    [7, 'right', 'bottom'],
    [8, 'right', 'top'],
  ])('EXIF orientation %i, corner stored %s %s, stands upright', async (orientation, x, y) => {
    const corner = { create: { width: 16, height: 16, channels: 3, background: '#fff' } } as const;
    const at = { left: x === 'left' ? 0 : 64, top: y === 'top' ? 0 : 24 };
    const jpeg = await sharp({ create: { width: 80, height: 40, channels: 3, background: '#000' } })
      .composite([{ input: corner, ...at }])
      .withMetadata({ orientation })
      .jpeg({ quality: 100 })
      .toBuffer();
    const { mapping, pixel } = await prepared(jpeg);
    const [width, height] = orientation >= 5 ? [40, 80] : [80, 40];
    expect(mapping).toMatchObject({ width, height, scaleX: 0.8, scaleY: 0.8 });
    expect(pixel(3, 3)[0]).toBeGreaterThan(240);
    expect(pixel(width * 0.8 - 4, height * 0.8 - 4)[0]).toBeLessThan(15);
  });
});

describe('what is no picture, or no whole one, has a reason', () => {
  test.each<[string, string | Uint8Array]>([
    ['nothing', ''],
    ['text', 'this is a text, however much its name ends in .jpg'],
    ['HTML', '<!doctype html><html><body>Not found</body></html>'],
    ['zeros', new Uint8Array(5000)],
  ])('%s is NOT_AN_IMAGE', async (_, bytes) => {
    expect(await refusal(Buffer.from(bytes))).toBe('NOT_AN_IMAGE');
  });

  test.each<[string, string]>([
    ['SVG', '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'],
    ['PDF', '%PDF-1.7\n'],
    ['BMP', 'BM\x36\x03\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0'],
    ['HEIC', '\0\0\0\x18ftypheic\0\0\0\0mif1heic'],
  ])('%s is UNSUPPORTED_FORMAT', async (_, bytes) => {
    expect(await refusal(Buffer.from(bytes, 'latin1'))).toBe('UNSUPPORTED_FORMAT');
  });

  test.each<[string, () => Promise<Buffer>]>([
    ['JPEG', () => noisy().jpeg().toBuffer()],
    ['progressive JPEG', () => noisy().jpeg({ progressive: true }).toBuffer()],
    ['PNG', () => noisy().png().toBuffer()],
    ['WebP', () => noisy().webp().toBuffer()],
    ['GIF', () => noisy().gif().toBuffer()],
    ['TIFF', () => noisy().tiff().toBuffer()],
    ['AVIF', () => noisy().avif({ effort: 0 }).toBuffer()],
  ])('a truncated %s is CORRUPT_IMAGE wherever it ends', async (_, make) => {
    const whole = await make();
    for (const part of [0.97, 0.5, 0.1])
      expect(await refusal(whole.subarray(0, whole.length * part))).toBe('CORRUPT_IMAGE');
    expect(await refusal(whole.subarray(0, 14))).toBe('CORRUPT_IMAGE');
  });

  test('something after the end of a JPEG does no harm', async () => {
    const jpeg = Buffer.concat([await plain().jpeg().toBuffer(), Buffer.from('appended by some camera')]);
    expect((await prepared(jpeg)).mapping.width).toBe(200);
  });

  test('more pixels than allowed are TOO_MANY_PIXELS, whatever the header promises', async () => {
    const limits = { ...LIMITS, maxPixels: 19_999 };
    const png = await plain().png().toBuffer();
    expect(await refusal(png, limits)).toBe('TOO_MANY_PIXELS');
    await expect(prepareImage(png, INPUT, limits, sharedTensor(INPUT))).rejects.toThrow(
      '200x100 pixels, at most 19999',
    );
    expect(await refusal(png, { ...limits, maxPixels: 20_000 })).toBe('none');
    const bomb = Buffer.from(png);
    bomb.writeUInt32BE(60_000, 16);
    bomb.writeUInt32BE(60_000, 20);
    expect(await refusal(bomb)).toBe('TOO_MANY_PIXELS');
  });

  test('a picture that takes too long is DECODE_TIMEOUT, and its target stays as it was', async () => {
    const large = await plain().resize(5000, 5000, { fit: 'fill', kernel: 'nearest' }).png().toBuffer();
    const limits = { maxPixels: 1e8, timeoutMs: 1 };
    const tensor = sharedTensor(INPUT).fill(7);
    await expect(prepareImage(large, INPUT, limits, tensor)).rejects.toMatchObject({ reason: 'DECODE_TIMEOUT' });
    await vi.waitFor(() => expect(sharp.counters()).toEqual({ queue: 0, process: 0 }), 10_000);
    await new Promise(setImmediate);
    expect(tensor.every((value) => value === 7)).toBe(true);
  });
});
