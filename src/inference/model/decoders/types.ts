import type { Candidate } from '../nms.js';
import type { Model } from '../load.js';

/** An output of the ONNX file; a dimension that varies is a name. */
export interface TensorInfo {
  name: string;
  type: string;
  shape: readonly (number | string)[];
}

/** An output of one run. */
export interface OutputTensor {
  dims: readonly number[];
  values: Float32Array;
}

/** Outputs of one run by name. */
export type SessionOutputs = ReadonlyMap<string, OutputTensor>;

/** Reads the boxes of one image of a run: all above the model's score threshold, in input pixels, in any order. */
export type Decode = (outputs: SessionOutputs, index: number) => Candidate[];

/** What a decoder needs: the outputs it reads, with the shape they must have, and the reading. */
export interface Decoder {
  /** `null` in a shape stands for any number; the first dimension is the batch. */
  reads: readonly { name: string; shape: readonly (number | null)[] }[];
  decode: Decode;
}

/** Makes the decoder of a model for the outputs that its ONNX file has. Throws ModelError where they can't fit. */
export type DecoderFactory = (model: Model, outputs: readonly TensorInfo[]) => Decoder;

/** Values of one image in an output; a view, nothing is copied. */
export function imageValues(outputs: SessionOutputs, name: string, index: number): OutputTensor {
  const tensor = outputs.get(name);
  const [batch = 0, ...dims] = tensor?.dims ?? [];
  if (!tensor || index < 0 || index >= batch) throw new RangeError(`no image ${index} in the output ${name}`);
  const length = dims.reduce((product, dim) => product * dim, 1);
  return { dims, values: tensor.values.subarray(index * length, (index + 1) * length) };
}
