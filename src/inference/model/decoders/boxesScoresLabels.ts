import type { Candidate } from '../nms.js';
import type { OutputSpec } from '../spec.js';
import { cornersOf } from './corners.js';
import { imageValues, type DecoderFactory } from './types.js';

type Output = Extract<OutputSpec, { decoder: 'boxes-scores-labels' }>;

/**
 * Models that end with their detections: boxes [n, count, 4], scores [n, count] from 0 to 1, labels [n, count]. Places
 * that the model didn't need have scores of 0, so an output that counts them, as TensorFlow's, isn't read.
 *
 * - RT-DETR, D-FINE: int64 labels from 0; xMin, yMin, xMax, yMax in pixels of the size that a second input
 *   (`sizeInput`) says. tools/deployment/export_onnx.py of https://github.com/Peterande/D-FINE
 * - torchvision: int64 labels from 1 (0 is the background); likewise in input pixels, without the batch dimension.
 *   https://docs.pytorch.org/vision/stable/models/generated/torchvision.models.detection.ssd300_vgg16.html
 * - TensorFlow Object Detection: float32 labels from 1; yMin, xMin, yMax, xMax from 0 to 1.
 *   research/object_detection/exporter.py of https://github.com/tensorflow/models
 */
export const boxesScoresLabels =
  (names: Output): DecoderFactory =>
  (model) => {
    const { boxFormat, boxUnits, firstLabel } = names;
    const { input, classes, scoreThreshold } = model;
    const [unitX, unitY] = boxUnits === 'relative' ? [input.width, input.height] : [1, 1];
    return {
      reads: [
        { name: names.boxes, types: ['float32'], shape: [null, null, 4], keys: ['output.boxes'] },
        { name: names.scores, types: ['float32'], shape: [null, null], keys: ['output.scores'] },
        { name: names.labels, types: ['int64', 'int32', 'float32'], shape: [null, null], keys: ['output.labels'] },
      ],
      decode(outputs, index) {
        const boxes = imageValues(outputs, names.boxes, index).values;
        const scores = imageValues(outputs, names.scores, index).values;
        const labels = imageValues(outputs, names.labels, index).values;
        const found: Candidate[] = [];
        for (let at = 0; at < scores.length; at++) {
          const score = scores[at] ?? 0;
          // Written so that NaN is no detection.
          if (!(score >= scoreThreshold)) continue;
          const classIndex = (labels[at] ?? NaN) - firstLabel;
          if (classes[classIndex] === undefined) continue;
          const { xMin, yMin, xMax, yMax } = cornersOf(boxFormat, boxes.subarray(at * 4, at * 4 + 4));
          found.push({
            classIndex,
            score,
            xMin: xMin * unitX,
            yMin: yMin * unitY,
            xMax: xMax * unitX,
            yMax: yMax * unitY,
          });
        }
        return found;
      },
    };
  };
