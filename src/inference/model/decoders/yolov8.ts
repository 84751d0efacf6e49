import type { Candidate } from '../nms.js';
import type { OutputSpec } from '../spec.js';
import { bestClass } from './bestClass.js';
import { cornersAround } from './corners.js';
import { oneOutput } from './oneOutput.js';
import { imageValues, type DecoderFactory } from './types.js';

type Output = Extract<OutputSpec, { decoder: 'yolov8' }>;

/**
 * YOLOv8, YOLO11 and others without objectness: [n, 4 + classes, count], channel by channel: centre x, y, width, height
 * in input pixels, then a score from 0 to 1 for each class. `transposed`: [n, count, 4 + classes].
 * Layout: `Detect` in ultralytics/nn/modules/head.py of https://github.com/ultralytics/ultralytics
 */
export const yolov8 =
  (output: Output): DecoderFactory =>
  (model, outputs) => {
    const { transposed } = output;
    const { name, keys } = oneOutput(output, outputs);
    const { classes, scoreThreshold } = model;
    const channels = 4 + classes.length;
    return {
      reads: [
        {
          name,
          types: ['float32'],
          shape: transposed ? [null, null, channels] : [null, channels, null],
          keys: ['output.transposed', ...keys],
        },
      ],
      decode(results, index) {
        const { values } = imageValues(results, name, index);
        const count = values.length / channels;
        const [boxStep, channelStep] = transposed ? [channels, 1] : [1, count];
        const found: Candidate[] = [];
        for (let box = 0; box < count; box++) {
          const start = box * boxStep;
          const channel = (at: number) => values[start + at * channelStep] ?? NaN;
          const classIndex = bestClass(values, start + 4 * channelStep, classes.length, channelStep);
          const score = channel(4 + classIndex);
          // Written so that NaN is no detection.
          if (!(score >= scoreThreshold)) continue;
          const [centerX, centerY, width, height] = [channel(0), channel(1), channel(2), channel(3)];
          found.push({ classIndex, score, ...cornersAround({ centerX, centerY, width, height }) });
        }
        return found;
      },
    };
  };
