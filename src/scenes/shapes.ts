import type { Box } from '../domain/index.js';

/** What the default model detects. */
export const SHAPES = ['circle', 'square', 'triangle', 'star', 'cross', 'ring'] as const;
export type Shape = (typeof SHAPES)[number];

/** One drawn shape: its SVG element and the box around it, which may stick out of the picture. */
export interface Drawn {
  svg: string;
  box: Box;
}

/** Draws a shape around (x, y); `radius` in pixels reaches its farthest point, `turn` in radians. */
export function drawShape(shape: Shape, x: number, y: number, radius: number, turn: number, colour: string): Drawn {
  if (shape === 'circle' || shape === 'ring') {
    const box = { xMin: x - radius, yMin: y - radius, xMax: x + radius, yMax: y + radius };
    if (shape === 'circle') return { box, svg: `<circle cx="${x}" cy="${y}" r="${radius}" fill="${colour}"/>` };
    const line = Math.max(3, radius * 0.28);
    const circle = `cx="${x}" cy="${y}" r="${radius - line / 2}"`;
    return { box, svg: `<circle ${circle} fill="none" stroke="${colour}" stroke-width="${line}"/>` };
  }
  const points = OUTLINES[shape].map(([right, down]) => ({
    x: x + radius * (right * Math.cos(turn) - down * Math.sin(turn)),
    y: y + radius * (right * Math.sin(turn) + down * Math.cos(turn)),
  }));
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  const corners = points.map((point) => `${point.x.toFixed(3)},${point.y.toFixed(3)}`).join(' ');
  return {
    box: { xMin: Math.min(...xs), yMin: Math.min(...ys), xMax: Math.max(...xs), yMax: Math.max(...ys) },
    svg: `<polygon points="${corners}" fill="${colour}"/>`,
  };
}

type Outline = readonly (readonly [right: number, down: number])[];

/** Points around the centre at a radius each, evenly by angle. */
function around(radii: readonly number[]): Outline {
  return radii.map((radius, index) => {
    const angle = (index / radii.length) * 2 * Math.PI;
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
}

const ARM = 0.32;

/** Corners for a radius of 1. The cross reaches farther at the corners of its arms. */
const OUTLINES: Record<Exclude<Shape, 'circle' | 'ring'>, Outline> = {
  square: around([1, 1, 1, 1]),
  triangle: around([1, 1, 1]),
  star: around([1, 0.45, 1, 0.45, 1, 0.45, 1, 0.45, 1, 0.45]),
  cross: [
    [-ARM, -1],
    [ARM, -1],
    [ARM, -ARM],
    [1, -ARM],
    [1, ARM],
    [ARM, ARM],
    [ARM, 1],
    [-ARM, 1],
    [-ARM, ARM],
    [-1, ARM],
    [-1, -ARM],
    [-ARM, -ARM],
  ],
};
