import type { InferenceSession } from 'onnxruntime-node';
import type { Decoder, Read } from './decoders/index.js';
import { MisfitError } from './errors.js';
import type { Model } from './load.js';
import type { TensorInfo } from './tensorInfo.js';

/** Inputs or outputs of an ONNX file, those that are tensors. */
export function tensorsOf(metadata: readonly InferenceSession.ValueMetadata[]): TensorInfo[] {
  return metadata.flatMap((value) =>
    value.isTensor ? [{ name: value.name, type: value.type, shape: value.shape }] : [],
  );
}

/** What of an ONNX file is needed to run it. */
export interface Fit {
  /** Name of the input for the pictures. */
  pictures: string;
  /** The fixed batch dimension; Infinity where it is dynamic. */
  batch: number;
}

/**
 * Holds an ONNX file against model.yaml and what the decoder reads. Throws MisfitError with a line for each thing that
 * is wrong, which begins with the keys of model.yaml to look at.
 */
export function checkFit(
  model: Model,
  decoder: Decoder,
  inputs: readonly TensorInfo[],
  outputs: readonly TensorInfo[],
): Fit {
  const { sizeInput } = model.input;
  const [pictures, ...others] = inputs.filter(({ name }) => name !== sizeInput);
  const batch = typeof pictures?.shape[0] === 'number' ? pictures.shape[0] : Infinity;
  const problems =
    pictures && others.length === 0
      ? pictureProblems(model, pictures)
      : [`input.sizeInput: has the inputs ${show(inputs)}; wanted is one for pictures, and one more if it takes sizes`];
  problems.push(
    ...sizeProblems(model, inputs),
    ...decoder.reads.flatMap((read) => outputProblems(model, read, outputs)),
  );
  const single = outputs.filter((output) => decoder.reads.some((read) => lacksBatch(output, read)));
  if (Number.isFinite(batch) && batch > 1)
    problems.push(
      ...single.map(
        (output) => `has the output ${show([output])} without a batch dimension, but runs ${batch} pictures at once`,
      ),
    );
  if (pictures && problems.length === 0) return { pictures: pictures.name, batch: single.length > 0 ? 1 : batch };
  const lines = problems.map((problem) => `${String(model.file)}: ${problem}`);
  throw new MisfitError(lines.join('\n'), inputs, outputs);
}

function pictureProblems(model: Model, found: TensorInfo): string[] {
  const { layout, width, height, type } = model.input;
  const [nchw, nhwc] = [
    [null, 3, height, width],
    [null, height, width, 3],
  ];
  const [wanted, other] = layout === 'nchw' ? [nchw, nhwc] : [nhwc, nchw];
  const keys: string[] = [];
  if (found.type !== type) keys.push('input.type');
  if (fits(found.shape, other) && !fits(found.shape, wanted)) keys.push('input.layout');
  else if (!fits(found.shape, wanted)) keys.push(...sizeKeys(model, found));
  if (keys.length === 0) return [];
  return [
    `${keys.join(', ')}: has the input ${show([found])}, but input in model.yaml says ${type} ${shapeText(wanted)} (${layout})`,
  ];
}

/** Which of width and height is wrong; where it is neither or can't be told, the layout is to be looked at too. */
function sizeKeys({ input: { layout, width, height } }: Model, found: TensorInfo): string[] {
  const [row, column, channel] = layout === 'nchw' ? [2, 3, 1] : [1, 2, 3];
  const differs = (at: number, wanted: number): boolean =>
    typeof found.shape[at] === 'number' && found.shape[at] !== wanted;
  const keys = [...(differs(column, width) ? ['input.width'] : []), ...(differs(row, height) ? ['input.height'] : [])];
  return found.shape.length === 4 && !differs(channel, 3) ? keys : ['input.layout', ...keys];
}

function sizeProblems({ input: { sizeInput } }: Model, inputs: readonly TensorInfo[]): string[] {
  if (sizeInput === undefined) return [];
  const found = inputs.find(({ name }) => name === sizeInput);
  const wanted = 'int64 [any, 2], for width and height';
  if (!found) return [`input.sizeInput: has the inputs ${show(inputs)}; '${sizeInput}' is missing: ${wanted}`];
  if (found.type === 'int64' && fits(found.shape, [null, 2])) return [];
  return [`input.sizeInput: has the input ${show([found])} instead of ${wanted}`];
}

function outputProblems(model: Model, read: Read, outputs: readonly TensorInfo[]): string[] {
  const found = outputs.find(({ name }) => name === read.name);
  const what = `${read.types.join(' or ')} ${shapeText(read.shape)}, which the decoder ${model.output.decoder} reads for ${model.classes.length} classes`;
  const keys = read.keys.join(', ');
  if (!found) return [`${keys}: has the outputs ${show(outputs)}; '${read.name}' is missing: ${what}`];
  const type = found.type === 'float16' ? 'float32' : found.type;
  const typeFits = read.types.some((one) => one === type);
  const shapeFits = isOpen(found) || fits(found.shape, read.shape) || lacksBatch(found, read);
  if (typeFits && shapeFits) return [];
  return [`${keys}: has the output ${show([found])} instead of ${what}`];
}

/** As torchvision's, which are those of one picture. */
function lacksBatch(output: TensorInfo, read: Read): boolean {
  return output.name === read.name && fits(output.shape, read.shape.slice(1));
}

/** Not even the number of its dimensions is known before a run; no decoder reads a single number. */
function isOpen(output: TensorInfo): boolean {
  return output.shape.length === 0;
}

/** A name or a negative number is a dimension that varies. */
export function fits(shape: readonly (number | string)[], wanted: readonly (number | null)[]): boolean {
  return (
    shape.length === wanted.length &&
    wanted.every((dimension, at) => {
      const found = shape[at];
      return dimension === null || typeof found === 'string' || found === dimension;
    })
  );
}

function show(tensors: readonly TensorInfo[]): string {
  return tensors.map((tensor) => `'${tensor.name}' ${tensorText(tensor)}`).join(', ');
}

/** `float32 [n, 3, 640, 640]`. */
export function tensorText({ type, shape }: Pick<TensorInfo, 'type' | 'shape'>): string {
  return `${type} ${shapeText(shape)}`;
}

/** `[any, 3, 640, 640]`. */
export function shapeText(dims: readonly (number | string | null)[]): string {
  return `[${dims.map((dim) => dim ?? 'any').join(', ')}]`;
}
