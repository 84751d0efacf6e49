import type { OnnxValue } from 'onnxruntime-node';
import type { OutputTensor, Read } from './decoders/index.js';
import { ModelError } from './errors.js';
import { fits, shapeText } from './shapes.js';

/**
 * An output of a run for `batch` images, as its decoder reads it; only a model that runs one image at a time may leave
 * the batch dimension out. Dimensions that the ONNX file leaves open are known only now, so they are checked here:
 * numbers of another shape would be read as boxes. Throws ModelError.
 */
export function readOutput(
  found: OnnxValue | undefined,
  read: Read,
  { batch, maxBatch }: { batch: number; maxBatch: number },
): OutputTensor {
  const tensor = found && 'dims' in found ? found : undefined;
  const values = tensor && valuesOf(tensor.data);
  if (!tensor || !values) throw new ModelError(`output '${read.name}' is no ${read.types.join(' or ')}`);
  const lacksBatch = maxBatch === 1 && tensor.dims.length === read.shape.length - 1;
  const dims = lacksBatch ? [1, ...tensor.dims] : tensor.dims;
  const wanted = [batch, ...read.shape.slice(1)];
  if (!fits(dims, wanted))
    throw new ModelError(
      `${read.keys.join(', ')}: output '${read.name}' is ${shapeText(tensor.dims)} after a run, not ${shapeText(wanted)}`,
    );
  return { dims, values };
}

function valuesOf(data: unknown): Float32Array | undefined {
  if (data instanceof Float32Array) return data;
  if (data instanceof Int32Array) return Float32Array.from(data);
  if (data instanceof BigInt64Array) return Float32Array.from(data, Number);
  return undefined;
}
