import type { Candidate } from '../nms.js';
import type { OutputSpec } from '../spec.js';
import { oneOutput } from './oneOutput.js';
import { imageValues, type DecoderFactory } from './types.js';

type Output = Extract<OutputSpec, { decoder: 'yolo-end2end' }>;

/** Numbers of one detection. */
const ROW = 6;

/**
 * YOLOv10, YOLO26 and others that end with detections: [n, count, 6] of xMin, yMin, xMax, yMax in input pixels, score
 * from 0 to 1, class from 0. So write Ultralytics' exports of models without NMS, and those with `nms=True`. Places
 * that the model didn't need have scores of 0.
 * Layout: `Detect.postprocess` in ultralytics/nn/modules/head.py of https://github.com/ultralytics/ultralytics
 */
export const yoloEnd2end =
  (output: Output): DecoderFactory =>
  ({ classes, scoreThreshold }, outputs) => {
    const { name, keys } = oneOutput(output, outputs);
    return {
      reads: [{ name, types: ['float32'], shape: [null, null, ROW], keys }],
      decode(results, index) {
        const { values } = imageValues(results, name, index);
        const found: Candidate[] = [];
        for (let at = 0; at < values.length; at += ROW) {
          const [xMin = NaN, yMin = NaN, xMax = NaN, yMax = NaN, score = NaN, classIndex = NaN] = values.subarray(
            at,
            at + ROW,
          );
          // Written so that NaN is no detection.
          if (!(score >= scoreThreshold) || classes[classIndex] === undefined) continue;
          found.push({ classIndex, score, xMin, yMin, xMax, yMax });
        }
        return found;
      },
    };
  };
