import type { Candidate } from '../nms.js';
import type { OutputSpec } from '../spec.js';
import { bestClass } from './bestClass.js';
import { cornersAround } from './corners.js';
import { oneOutput } from './oneOutput.js';
import { imageValues, type DecoderFactory } from './types.js';

type Output = Extract<OutputSpec, { decoder: 'yolov5' }>;

/**
 * YOLOv5 as its export.py writes it: [n, count, 5 + classes], the boxes of all grids one after the other: centre x, y,
 * width, height in input pixels, objectness, classes, the latter from 0 to 1. The score is objectness * class.
 * Layout: `Detect.forward` in models/yolo.py of https://github.com/ultralytics/yolov5
 */
export const yolov5 =
  (output: Output): DecoderFactory =>
  (model, outputs) => {
    const { name, keys } = oneOutput(output, outputs);
    const { classes, scoreThreshold } = model;
    const row = 5 + classes.length;
    return {
      reads: [{ name, types: ['float32'], shape: [null, null, row], keys }],
      decode(results, index) {
        const { values } = imageValues(results, name, index);
        const found: Candidate[] = [];
        for (let at = 0; at < values.length; at += row) {
          const objectness = values[at + 4] ?? 0;
          // No class is above 1, so most boxes end here. Written so that NaN is no detection.
          if (!(objectness >= scoreThreshold)) continue;
          const classIndex = bestClass(values, at + 5, classes.length, 1);
          const score = objectness * (values[at + 5 + classIndex] ?? 0);
          if (!(score >= scoreThreshold)) continue;
          const [centerX = NaN, centerY = NaN, width = NaN, height = NaN] = values.subarray(at, at + 4);
          found.push({ classIndex, score, ...cornersAround({ centerX, centerY, width, height }) });
        }
        return found;
      },
    };
  };
