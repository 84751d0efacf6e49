import type { Candidate } from '../nms.js';
import type { Model } from '../load.js';
import type { TensorInfo } from '../tensorInfo.js';

/** Types of elements that a decoder can ask for. Where it asks for float32, float16 will do. */
type ElementType = 'float32' | 'int64' | 'int32';

/** An output of one run, its batch dimension first. Whole numbers come as floats too, which are exact up to 2^24. */
export interface OutputTensor {
  dims: readonly number[];
  values: Float32Array;
}

/** Outputs of one run by name. */
export type SessionOutputs = ReadonlyMap<string, OutputTensor>;

/** Reads the boxes of one image of a run: all above the model's score threshold, in input pixels, in any order. */
export type Decode = (outputs: SessionOutputs, index: number) => Candidate[];

/** An output that a decoder reads. */
export interface Read {
  name: string;
  types: readonly ElementType[];
  /** `null` stands for any number; the first dimension is the batch. */
  shape: readonly (number | null)[];
  /** Keys of model.yaml, one of which is wrong when the ONNX file has another output. */
  keys: readonly string[];
}

/** What a decoder needs: the outputs it reads, with the types and shapes they must have, and the reading. */
export interface Decoder {
  reads: readonly Read[];
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
