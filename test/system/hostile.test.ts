import { deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { scene } from '../../src/scenes/index.js';
import { bucketOf, endpointsNow, eventually, imageCounts, postEvent, select, uploadAll } from './pipeline.js';

/** Whatever people upload, by the real path, among good pictures that must come out as ever. */

const { jpeg } = await scene(1);
const plain = sharp(jpeg);
const { width, height } = await plain.metadata();
const good = (prefix: string) => Array.from({ length: 6 }, (_, n) => ({ name: `${prefix}good-${n}.jpg`, bytes: jpeg }));

interface Row {
  object: string;
  status: string;
  reason: string;
  width: number;
  height: number;
}

/** Rows of the objects under a prefix by what follows it, once there are so many. */
async function rowsOf(prefix: string, count: number): Promise<Map<string, Row>> {
  await eventually(
    () => imageCounts(prefix),
    ({ rows }) => rows >= count,
    120_000,
  );
  const rows = await select<Row>(
    `SELECT object, status, reason, width, height FROM images WHERE startsWith(object, '${prefix}')`,
  );
  return new Map(rows.map((row) => [row.object.slice(prefix.length), row]));
}

/** Classes found under a prefix, by object. */
async function classesOf(prefix: string): Promise<Map<string, string>> {
  const rows = await select<{ object: string; classes: string }>(
    `SELECT object, arrayStringConcat(arraySort(groupArray(class)), ' ') AS classes
     FROM detections WHERE startsWith(object, '${prefix}') GROUP BY object`,
  );
  return new Map(rows.map(({ object, classes }) => [object.slice(prefix.length), classes]));
}

/** The scene, stored so that an orientation brings it upright again; sharp mirrors before it rotates. */
async function turned(orientation: number): Promise<Buffer> {
  const back: Record<number, (image: Sharp) => Sharp> = {
    1: (image) => image,
    2: (image) => image.flop(),
    3: (image) => image.rotate(180),
    4: (image) => image.flip(),
    5: (image) => image.rotate(270).flop(),
    6: (image) => image.rotate(270),
    7: (image) => image.rotate(90).flop(),
    8: (image) => image.rotate(90),
  };
  const upright = await (back[orientation] ?? back[1])?.(sharp(jpeg)).png().toBuffer();
  return sharp(upright).withMetadata({ orientation }).jpeg({ quality: 95 }).toBuffer();
}

/** One bit a pixel, all of it black: 60 KB that would be 1.2 GB of pixels. */
function hugePng(side: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([1, 0, 0, 0, 0], 8);
  const rows = Buffer.alloc((Math.ceil(side / 8) + 1) * side);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    pngChunk('IHDR', header),
    pngChunk('IDAT', deflateSync(rows, { level: 9 })),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  let crc = 0xffffffff;
  for (const byte of body) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  checksum.writeUInt32BE((crc ^ 0xffffffff) >>> 0);
  return Buffer.concat([length, body, checksum]);
}

describe('whatever people upload', () => {
  it('is detected alike in every format, depth, colour space and orientation', async () => {
    const prefix = 'formats/';
    const second = await sharp({ create: { width, height, channels: 3, background: '#888' } })
      .png()
      .toBuffer();
    const animated = sharp([await plain.clone().png().toBuffer(), second], { join: { animated: true } });
    const formats: Record<string, Buffer> = {
      'progressive.jpg': await plain.clone().jpeg({ progressive: true, quality: 95 }).toBuffer(),
      'cmyk.jpg': await plain.clone().toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer(),
      'alpha.png': await plain.clone().ensureAlpha(1).png().toBuffer(),
      'deep.png': await plain.clone().toColourspace('rgb16').png().toBuffer(),
      'still.webp': await plain.clone().webp({ quality: 95 }).toBuffer(),
      'moving.webp': await animated.clone().webp({ quality: 95 }).toBuffer(),
      'moving.gif': await animated.clone().gif().toBuffer(),
      'still.avif': await plain.clone().avif({ quality: 90 }).toBuffer(),
      'still.tiff': await plain.clone().tiff().toBuffer(),
    };
    for (let orientation = 1; orientation <= 8; orientation += 1)
      formats[`exif-${orientation}.jpg`] = await turned(orientation);
    const grey = await plain.clone().greyscale().jpeg({ quality: 95 }).toBuffer();
    const names = Object.keys(formats);
    await uploadAll([
      ...names.map((name) => ({ name: `${prefix}${name}`, bytes: formats[name] ?? Buffer.alloc(0) })),
      { name: `${prefix}grey.jpg`, bytes: grey },
      ...good(prefix),
    ]);
    const rows = await rowsOf(prefix, names.length + 7);
    const classes = await classesOf(prefix);
    const expected = classes.get('good-0.jpg');
    expect(expected).toBeTruthy();
    for (const name of names) {
      expect([name, rows.get(name)?.status, rows.get(name)?.width, rows.get(name)?.height]).toEqual([
        ...[name, 'detected', width, height],
      ]);
      expect([name, classes.get(name)]).toEqual([name, expected]);
    }
    // Colour is part of what a shape is seen by: a grey picture need not give the same, but it is a picture.
    expect(rows.get('grey.jpg')?.status).toBe('detected');
  });

  it('is dead with its reason when it is no picture, half a picture or too much of one', async () => {
    const prefix = 'no-pictures/';
    const bad: [string, Buffer, string][] = [
      ['empty.jpg', Buffer.alloc(0), 'NOT_AN_IMAGE'],
      ['text.jpg', Buffer.from('<html>404</html>'), 'NOT_AN_IMAGE'],
      ['cut.jpg', jpeg.subarray(0, jpeg.length >> 1), 'CORRUPT_IMAGE'],
      ['head.jpg', jpeg.subarray(0, 3), 'CORRUPT_IMAGE'],
      ['huge.png', hugePng(20_000), 'TOO_MANY_PIXELS'],
      ['large.jpg', Buffer.alloc(60_000_000), 'TOO_LARGE'],
    ];
    await uploadAll([...bad.map(([name, bytes]) => ({ name: `${prefix}${name}`, bytes })), ...good(prefix)]);
    const rows = await rowsOf(prefix, bad.length + 6);
    for (const [name, , reason] of bad)
      expect([name, rows.get(name)?.status, rows.get(name)?.reason]).toEqual([name, 'dead', reason]);
    expect([...rows.values()].filter(({ status }) => status === 'detected')).toHaveLength(6);
  });

  it('is found whatever it is called', async () => {
    const prefix = 'names/';
    const names = ['a b.jpg', 'a+b.jpg', '100%25.jpg', 'a#b.jpg', 'a?b=c.jpg', 'grün 猫.jpg', "it's.jpg", 'a\nb.jpg'];
    names.push(`${'deep/'.repeat(40)}x.jpg`, `${'l'.repeat(200)}.jpg`);
    await uploadAll(names.map((name) => ({ name: `${prefix}${name}`, bytes: jpeg })));
    const rows = await rowsOf(prefix, names.length);
    expect([...rows.keys()].sort()).toEqual([...names].sort());
    expect([...rows.values()].every(({ status }) => status === 'detected')).toBe(true);
  });

  it('is the generation of the event, or gone: never the object that replaced it', async () => {
    const prefix = 'replaced/';
    const bucket = await bucketOf(await endpointsNow());
    const { bucket: bucketName } = await endpointsNow();
    const store = async (bytes: Buffer): Promise<string> => {
      const file = bucket.file(`${prefix}x.jpg`);
      await file.save(bytes, { resumable: false, contentType: 'image/jpeg' });
      return String(file.metadata.generation);
    };
    const first = await store(jpeg);
    const later = await store((await scene(2)).jpeg);
    expect(later).not.toBe(first);
    for (const generation of [first, later])
      await postEvent(
        { bucket: bucketName, object: `${prefix}x.jpg`, generation },
        { timeCreated: new Date().toISOString(), contentType: 'image/jpeg' },
      );
    await rowsOf(prefix, 2);
    const rows = await select<{ generation: string; status: string; reason: string }>(
      `SELECT toString(generation) AS generation, status, reason FROM images WHERE startsWith(object, '${prefix}')`,
    );
    expect(rows.find((row) => row.generation === first)).toMatchObject({ status: 'dead', reason: 'GONE' });
    expect(rows.find((row) => row.generation === later)).toMatchObject({ status: 'detected' });
  });
});
