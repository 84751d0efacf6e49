import type { Candidate } from '../nms.js';

/** Corners of a box that a model gives by its centre and size, in input pixels. */
export function cornersAround(box: {
  centerX: number;
  centerY: number;
  width: number;
  height: number;
}): Pick<Candidate, 'xMin' | 'yMin' | 'xMax' | 'yMax'> {
  const { centerX, centerY, width, height } = box;
  return {
    xMin: centerX - width / 2,
    yMin: centerY - height / 2,
    xMax: centerX + width / 2,
    yMax: centerY + height / 2,
  };
}
