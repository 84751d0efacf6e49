import type { InferenceSession } from 'onnxruntime-node';
import type { Decoder, TensorInfo } from './decoders/index.js';
import { ModelError } from './errors.js';
import type { Model } from './load.js';

/** Inputs or outputs of an ONNX file, those that are tensors. */
export function tensorsOf(metadata: readonly InferenceSession.ValueMetadata[]): TensorInfo[] {
  return metadata.flatMap((value) =>
    value.isTensor ? [{ name: value.name, type: value.type, shape: value.shape }] : [],
  );
}

/** Holds the one input of the ONNX file against model.yaml; `batch` is Infinity where the dimension is dynamic. */
export function checkInput(model: Model, inputs: readonly TensorInfo[]): { name: string; batch: number } {
  const [input, second] = inputs;
  if (!input || second) fail(model, `has the inputs ${show(inputs)}; a model with one input is wanted`);
  const { layout, width, height, type } = model.input;
  const wanted = layout === 'nchw' ? [null, 3, height, width] : [null, height, width, 3];
  if (!fits(input.shape, wanted) || input.type !== type)
    fail(model, `has the input ${show([input])}, but input in model.yaml says ${type} ${shape(wanted)} (${layout})`);
  const [batch] = input.shape;
  return { name: input.name, batch: typeof batch === 'number' ? batch : Infinity };
}

/** Holds what the decoder reads against the outputs of the ONNX file. */
export function checkOutputs(model: Model, decoder: Decoder, outputs: readonly TensorInfo[]): void {
  for (const wanted of decoder.reads) {
    const output = outputs.find(({ name }) => name === wanted.name);
    const what = `float32 ${shape(wanted.shape)}, which the decoder ${model.output.decoder} reads for ${model.classes.length} classes`;
    if (!output) fail(model, `has the outputs ${show(outputs)}; '${wanted.name}' is missing: ${what}`);
    if (!fits(output.shape, wanted.shape) || output.type !== 'float32')
      fail(model, `has the output ${show([output])} instead of ${what}`);
  }
}

/** A name or a negative number is a dimension that varies. */
function fits(shape: readonly (number | string)[], wanted: readonly (number | null)[]): boolean {
  return (
    shape.length === wanted.length &&
    wanted.every((dimension, at) => {
      const found = shape[at];
      return dimension === null || typeof found === 'string' || found === dimension;
    })
  );
}

function show(tensors: readonly TensorInfo[]): string {
  return tensors.map(({ name, type, shape: dims }) => `'${name}' ${type} ${shape(dims)}`).join(', ');
}

function shape(dims: readonly (number | string | null)[]): string {
  return `[${dims.map((dim) => dim ?? 'any').join(', ')}]`;
}

function fail(model: Model, problem: string): never {
  throw new ModelError(`${String(model.file)}: ${problem}`);
}
