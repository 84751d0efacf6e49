import type { OutputSpec } from '../spec.js';
import { boxesScores } from './boxesScores.js';
import { fastestdet } from './fastestdet.js';
import type { DecoderFactory } from './types.js';
import { yolox } from './yolox.js';

export type { Decoder, DecoderFactory, OutputTensor, SessionOutputs, TensorInfo } from './types.js';

/** A new head is one file here, one entry below, and its keys in the output of model.yaml. */
export function decoderFor(output: Exclude<OutputSpec, { decoder: 'none' }>): DecoderFactory {
  switch (output.decoder) {
    case 'boxes-scores':
      return boxesScores(output);
    case 'yolox':
      return yolox(output.strides);
    case 'fastestdet':
      return fastestdet;
  }
}
