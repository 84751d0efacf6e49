import type { Candidate } from '../nms.js';
import type { OutputSpec } from '../spec.js';
import { bestClass } from './bestClass.js';
import { cornersAround } from './corners.js';
import { oneOutput } from './oneOutput.js';
import { imageValues, type DecoderFactory } from './types.js';

type Output = Extract<OutputSpec, { decoder: 'yolox' }>;

/**
 * YOLOX without decoding in the graph: [n, cells, 5 + classes], the cells of each stride's grid row by row, one grid
 * after the other. x, y are offsets in cells, width and height logarithms in cells; objectness and classes are 0 to 1.
 */
export const yolox =
  (output: Output): DecoderFactory =>
  (model, outputs) => {
    const { name, keys } = oneOutput(output, outputs);
    const cells = grid(output.strides, model.input.width, model.input.height);
    const classes = model.classes.length;
    const row = 5 + classes;
    return {
      reads: [{ name, types: ['float32'], shape: [null, cells.length, row], keys: ['output.strides', ...keys] }],
      decode(results, index) {
        const { values } = imageValues(results, name, index);
        const found: Candidate[] = [];
        cells.forEach(({ x, y, stride }, cell) => {
          const at = cell * row;
          const objectness = values[at + 4] ?? 0;
          if (!(objectness >= model.scoreThreshold)) return;
          const classIndex = bestClass(values, at + 5, classes, 1);
          const score = objectness * (values[at + 5 + classIndex] ?? 0);
          if (!(score >= model.scoreThreshold)) return;
          const centerX = ((values[at] ?? NaN) + x) * stride;
          const centerY = ((values[at + 1] ?? NaN) + y) * stride;
          const width = Math.exp(values[at + 2] ?? NaN) * stride;
          const height = Math.exp(values[at + 3] ?? NaN) * stride;
          found.push({ classIndex, score, ...cornersAround({ centerX, centerY, width, height }) });
        });
        return found;
      },
    };
  };

function grid(strides: readonly number[], width: number, height: number): { x: number; y: number; stride: number }[] {
  return strides.flatMap((stride) => {
    const columns = Math.trunc(width / stride);
    const rows = Math.trunc(height / stride);
    return Array.from({ length: rows * columns }, (_, cell) => ({
      x: cell % columns,
      y: Math.trunc(cell / columns),
      stride,
    }));
  });
}
