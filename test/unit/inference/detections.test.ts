import { describe, expect, test } from 'vitest';
import { toDetections } from '../../../src/inference/model/detections.js';
import { loadModel } from '../../../src/inference/model/index.js';
import type { Candidate } from '../../../src/inference/model/nms.js';
import { SHAPES_DIR } from './rig.js';

const AS_IT_IS = { width: 256, height: 256, scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 };
const model = await loadModel(SHAPES_DIR);

function candidate(
  score: number,
  [xMin, yMin, xMax, yMax]: [number, number, number, number],
  classIndex = 0,
): Candidate {
  return { classIndex, score, xMin, yMin, xMax, yMax };
}

describe('from candidates to detections', () => {
  test('of boxes of one class that overlap the best stays, others classes are left alone', () => {
    const found = toDetections(
      [
        candidate(0.7, [12, 10, 52, 50]),
        candidate(0.9, [10, 10, 50, 50]),
        candidate(0.8, [10, 10, 50, 50], 1),
        candidate(0.6, [40, 10, 80, 50]),
      ],
      model,
      AS_IT_IS,
    );
    expect(found.map(({ class: name, score }) => [name, score])).toEqual([
      ['circle', 0.9],
      ['square', 0.8],
      ['circle', 0.6],
    ]);
  });

  test('a box comes back in pixels of the picture, and ends at its edge', () => {
    const prepared = { width: 1000, height: 500, scaleX: 0.256, scaleY: 0.256, offsetX: 0, offsetY: 64 };
    const [found] = toDetections([candidate(0.5, [-20, 89.6, 25.6, 300])], model, prepared);
    expect(found).toEqual({ class: 'circle', score: 0.5, xMin: 0, yMin: 100, xMax: 100, yMax: 500 });
  });

  test('what lies outside the picture, has no area or is not a number is no detection', () => {
    const nothing = [
      candidate(0.9, [300, 300, 400, 400]),
      candidate(0.9, [50, 50, 50, 90]),
      candidate(0.9, [60, 50, 40, 90]),
      candidate(0.9, [NaN, 50, 40, 90]),
      candidate(0.9, [10, 10, 10.001, 90]),
      candidate(0.9, [10, 10, 40, 90], 17),
    ];
    expect(toDetections(nothing, model, AS_IT_IS)).toEqual([]);
  });

  test('a picture of nothing but boxes gives at most 300, the best, in bounded time', () => {
    const many = Array.from({ length: 200_000 }, (_, at) => {
      const [x, y] = [at % 250, Math.trunc(at / 250) % 250];
      return candidate((at % 1000) / 1000, [x, y, x + 1, y + 1], at % 6);
    });
    const begun = performance.now();
    const found = toDetections(many, model, AS_IT_IS);
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(found).toHaveLength(300);
    expect(found[0]?.score).toBe(0.999);
  });

  test('a score that rounding in the model put above 1 is 1', () => {
    expect(toDetections([candidate(1.0002, [1, 1, 9, 9])], model, AS_IT_IS)[0]?.score).toBe(1);
  });
});
