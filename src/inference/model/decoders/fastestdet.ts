import type { Candidate } from '../nms.js';
import type { OutputSpec } from '../spec.js';
import { bestClass } from './bestClass.js';
import { cornersAround } from './corners.js';
import { oneOutput } from './oneOutput.js';
import { imageValues, type DecoderFactory } from './types.js';

type Output = Extract<OutputSpec, { decoder: 'fastestdet' }>;

/**
 * FastestDet: one grid [n, 5 + classes, rows, columns], channel by channel: objectness, x, y, width, height, classes.
 * The score is objectness^0.6 * class^0.4, the centre (cell + tanh) of the grid, the size sigmoid of the picture.
 */
export const fastestdet =
  (output: Output): DecoderFactory =>
  (model, outputs) => {
    const { name, keys } = oneOutput(output, outputs);
    const { input, classes, scoreThreshold } = model;
    return {
      reads: [{ name, types: ['float32'], shape: [null, 5 + classes.length, null, null], keys }],
      decode(results, index) {
        const { dims, values } = imageValues(results, name, index);
        const [, rows = 0, columns = 0] = dims;
        const plane = rows * columns;
        const found: Candidate[] = [];
        for (let cell = 0; cell < plane; cell++) {
          const classIndex = bestClass(values, 5 * plane + cell, classes.length, plane);
          const confidence = values[(5 + classIndex) * plane + cell] ?? 0;
          const score = (values[cell] ?? 0) ** 0.6 * confidence ** 0.4;
          if (!(score >= scoreThreshold)) continue;
          const channel = (at: number) => values[at * plane + cell] ?? NaN;
          const centerX = (((cell % columns) + Math.tanh(channel(1))) / columns) * input.width;
          const centerY = ((Math.trunc(cell / columns) + Math.tanh(channel(2))) / rows) * input.height;
          const width = sigmoid(channel(3)) * input.width;
          const height = sigmoid(channel(4)) * input.height;
          found.push({ classIndex, score, ...cornersAround({ centerX, centerY, width, height }) });
        }
        return found;
      },
    };
  };

function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value));
}
