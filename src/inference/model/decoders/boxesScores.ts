import type { Candidate } from '../nms.js';
import { imageValues, type DecoderFactory } from './types.js';

/**
 * Boxes [n, count, 4] as xMin, yMin, xMax, yMax in input pixels, scores [n, count, classes] from 0 to 1: the model has
 * done the rest. A box may be of several classes.
 */
export const boxesScores =
  (names: { boxes: string; scores: string }): DecoderFactory =>
  (model) => ({
    reads: [
      { name: names.boxes, types: ['float32'], shape: [null, null, 4], keys: ['output.boxes'] },
      {
        name: names.scores,
        types: ['float32'],
        shape: [null, null, model.classes.length],
        keys: ['output.scores', 'classes'],
      },
    ],
    decode(outputs, index) {
      const boxes = imageValues(outputs, names.boxes, index).values;
      const scores = imageValues(outputs, names.scores, index).values;
      const classes = model.classes.length;
      const found: Candidate[] = [];
      for (let at = 0; at < scores.length; at++) {
        const score = scores[at] ?? 0;
        // Written so that NaN is no detection.
        if (!(score >= model.scoreThreshold)) continue;
        const corner = Math.trunc(at / classes) * 4;
        found.push({
          classIndex: at % classes,
          score,
          xMin: boxes[corner] ?? NaN,
          yMin: boxes[corner + 1] ?? NaN,
          xMax: boxes[corner + 2] ?? NaN,
          yMax: boxes[corner + 3] ?? NaN,
        });
      }
      return found;
    },
  });
