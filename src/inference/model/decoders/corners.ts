import type { Box } from '../../../domain/index.js';

/** Corners of a box that a model gives by its centre and size, in input pixels. */
export function cornersAround(box: { centerX: number; centerY: number; width: number; height: number }): Box {
  const { centerX, centerY, width, height } = box;
  return {
    xMin: centerX - width / 2,
    yMin: centerY - height / 2,
    xMax: centerX + width / 2,
    yMax: centerY + height / 2,
  };
}

/** Orders in which models give the four numbers of a box: corners, corners with y first, centre and size. */
export const BOX_FORMATS = ['xyxy', 'yxyx', 'cxcywh'] as const;

/** Corners of a box whose four numbers are in that order. */
export function cornersOf(format: (typeof BOX_FORMATS)[number], box: Float32Array): Box {
  const [a = NaN, b = NaN, c = NaN, d = NaN] = box;
  switch (format) {
    case 'xyxy':
      return { xMin: a, yMin: b, xMax: c, yMax: d };
    case 'yxyx':
      return { xMin: b, yMin: a, xMax: d, yMax: c };
    case 'cxcywh':
      return cornersAround({ centerX: a, centerY: b, width: c, height: d });
  }
}
