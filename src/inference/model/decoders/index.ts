import type { OutputSpec } from '../spec.js';
import { boxesScores } from './boxesScores.js';
import { boxesScoresLabels } from './boxesScoresLabels.js';
import { fastestdet } from './fastestdet.js';
import type { DecoderFactory } from './types.js';
import { yoloEnd2end } from './yoloEnd2end.js';
import { yolov5 } from './yolov5.js';
import { yolov8 } from './yolov8.js';
import { yolox } from './yolox.js';

export type { Decoder, DecoderFactory, OutputTensor, Read, SessionOutputs } from './types.js';

/** A new head is one file here, one entry below, and its keys in the output of model.yaml. */
export function decoderFor(output: Exclude<OutputSpec, { decoder: 'none' }>): DecoderFactory {
  switch (output.decoder) {
    case 'boxes-scores':
      return boxesScores(output);
    case 'boxes-scores-labels':
      return boxesScoresLabels(output);
    case 'yolov5':
      return yolov5(output);
    case 'yolov8':
      return yolov8(output);
    case 'yolo-end2end':
      return yoloEnd2end(output);
    case 'yolox':
      return yolox(output);
    case 'fastestdet':
      return fastestdet(output);
  }
}
