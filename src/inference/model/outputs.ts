import type { OnnxValue } from 'onnxruntime-node';
import type { OutputTensor, Read } from './decoders/index.js';
import { ModelError } from './errors.js';
import { fromHalves } from './halves.js';
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
  const values = tensor && valuesOf(tensor);
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

function valuesOf({ type, data }: { type: string; data: unknown }): Float32Array | undefined {
  // A Uint16Array of bits or a Float16Array, as the version of Node has it.
  if (type === 'float16' && ArrayBuffer.isView(data))
    return fromHalves(new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2));
  if (data instanceof Float32Array) return data;
  if (data instanceof Int32Array) return Float32Array.from(data);
  if (data instanceof BigInt64Array) return Float32Array.from(data, Number);
  return undefined;
}
