import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { annotate, scene, score, SHAPES, type SceneObject } from '../../../src/scenes/index.js';

describe('a scene', () => {
  test('is the same for the same seed, and another for another', async () => {
    const [first, again, other] = await Promise.all([scene(7), scene('7'), scene(8)]);
    expect(first).toEqual(again);
    expect(first.jpeg.equals(other.jpeg)).toBe(false);
  });

  test('is a JPEG of the size it says, with its objects inside and six of them at most', async () => {
    const scenes = await Promise.all(Array.from({ length: 40 }, (_, seed) => scene(`size-${seed}`)));
    for (const { jpeg, width, height, objects } of scenes) {
      expect(await sharp(jpeg).metadata()).toMatchObject({ format: 'jpeg', width, height });
      expect(objects.length).toBeLessThanOrEqual(6);
      for (const { xMin, yMin, xMax, yMax } of objects) {
        expect(0 <= xMin && xMin < xMax && xMax <= width).toBe(true);
        expect(0 <= yMin && yMin < yMax && yMax <= height).toBe(true);
      }
    }
    const classes = new Set(scenes.flatMap(({ objects }) => objects.map((object) => object.class)));
    expect([...classes].sort()).toEqual([...SHAPES].sort());
    expect(new Set(scenes.map(({ width, height }) => `${width}x${height}`)).size).toBeGreaterThan(4);
    expect(scenes.some(({ objects }) => objects.length === 0)).toBe(true);
  });

  test('has the size asked for', async () => {
    expect(await scene(1, { width: 300, height: 200 })).toMatchObject({ width: 300, height: 200 });
  });

  test('shows each object within its box, as the picture changes at its edges', async () => {
    const { jpeg, width, height, objects } = await scene('edges-3', { width: 512, height: 512 });
    const smooth = await sharp(jpeg).blur(2).greyscale().raw().toBuffer();
    expect(objects.length).toBeGreaterThan(0);
    const spread = (values: number[]) => Math.max(...values) - Math.min(...values);
    for (const { xMin, yMin, xMax, yMax } of objects) {
      const middle = Math.trunc((yMin + yMax) / 2);
      const row = [...smooth.subarray(middle * width, middle * width + width)];
      expect(middle).toBeLessThan(height);
      expect(spread(row.slice(Math.max(0, Math.trunc(xMin) - 4), Math.ceil(xMax) + 4))).toBeGreaterThan(5);
    }
  });
});

describe('the score of what was found', () => {
  const star: SceneObject = { class: 'star', xMin: 10, yMin: 10, xMax: 50, yMax: 50 };
  const ring: SceneObject = { class: 'ring', xMin: 100, yMin: 100, xMax: 150, yMax: 150 };
  const found = (object: SceneObject, certainty = 0.9) => ({ ...object, score: certainty });

  test('is full for the truth itself, and nothing but misses for nothing', () => {
    expect(score([found(star), found(ring)], [star, ring])).toEqual({ truePositives: 2, falsePositives: 0, missed: 0 });
    expect(score([], [star, ring])).toEqual({ truePositives: 0, falsePositives: 0, missed: 2 });
    expect(score([found(star)], [])).toEqual({ truePositives: 0, falsePositives: 1, missed: 0 });
  });

  test('counts an object once, the wrong class not at all, and a box only where it overlaps enough', () => {
    expect(score([found(star), found(star, 0.8)], [star])).toEqual({ truePositives: 1, falsePositives: 1, missed: 0 });
    expect(score([found({ ...star, class: 'ring' })], [star])).toEqual({
      truePositives: 0,
      falsePositives: 1,
      missed: 1,
    });
    const half = found({ ...star, xMax: 31 });
    expect(score([half], [star])).toEqual({ truePositives: 1, falsePositives: 0, missed: 0 });
    expect(score([half], [star], 0.75)).toEqual({ truePositives: 0, falsePositives: 1, missed: 1 });
  });
});

test('an annotated picture has its size, a box in a colour where something was found, and stands names from anywhere', async () => {
  const grey = await sharp({ create: { width: 200, height: 100, channels: 3, background: '#808080' } })
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer();
  const box = { class: '<b>&"traffic light"', score: 0.5, xMin: 10, yMin: 60, xMax: 90, yMax: 150 };
  const annotated = await annotate(grey, [box], [{ xMin: 20, yMin: 20, xMax: 80, yMax: 50 }]);
  const { data, info } = await sharp(annotated).raw().toBuffer({ resolveWithObject: true });
  expect(info).toMatchObject({ width: 100, height: 200, channels: 3 });
  const strangeness = (x: number, y: number) => {
    const at = (y * info.width + x) * 3;
    return Math.max(...[0, 1, 2].map((channel) => Math.abs((data[at + channel] ?? 0) - 128)));
  };
  expect(strangeness(10, 100)).toBeGreaterThan(50);
  expect(strangeness(50, 120)).toBeLessThan(10);
  const dashed = Array.from({ length: 60 }, (_, x) => strangeness(20 + x, 20));
  expect(Math.max(...dashed)).toBeGreaterThan(25);
  expect(Math.min(...dashed.slice(5, 55))).toBeLessThan(15);
});

test('where several boxes lie in the same place, the best one is on top, in whatever order they come', async () => {
  const grey = await sharp({ create: { width: 200, height: 100, channels: 3, background: '#808080' } })
    .jpeg()
    .toBuffer();
  const place = { xMin: 20, yMin: 30, xMax: 120, yMax: 80 };
  const [best, worse] = [
    { class: 'dog', score: 0.8, ...place },
    { class: 'bicycle', score: 0.4, ...place },
  ];
  /** Of the border between the corners. */
  const colour = async (jpeg: Buffer): Promise<number[]> => [
    ...(await sharp(jpeg).extract({ left: 70, top: 79, width: 1, height: 1 }).raw().toBuffer()),
  ];
  const [alone, other] = [await colour(await annotate(grey, [best])), await colour(await annotate(grey, [worse]))];
  const distance = (a: number[], b: number[]) => Math.max(...a.map((value, at) => Math.abs(value - (b[at] ?? 0))));
  expect(distance(alone, other)).toBeGreaterThan(60);
  for (const found of [
    [best, worse],
    [worse, best],
  ]) {
    const seen = await colour(await annotate(grey, found));
    // JPEG and soft edges let a little of the other one through.
    expect(distance(seen, alone)).toBeLessThan(distance(seen, other) / 2);
  }
});
