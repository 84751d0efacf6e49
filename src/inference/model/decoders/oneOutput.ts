import { ModelError } from '../errors.js';
import type { TensorInfo } from '../tensorInfo.js';

/** Keys that decide on the shape where a decoder reads one output. */
const SHAPE_KEYS = ['output.decoder', 'classes'];

/**
 * The output that `output.name` asks for, or else the first, and the keys to look at when it has another shape. One
 * that is not there is told when the outputs are held against what is read.
 */
export function oneOutput(
  { decoder, name }: { decoder: string; name?: string | undefined },
  [first]: readonly TensorInfo[],
): { name: string; keys: readonly string[] } {
  if (name !== undefined) return { name, keys: ['output.name', ...SHAPE_KEYS] };
  if (!first) throw new ModelError(`the decoder ${decoder} reads one output`);
  return { name: first.name, keys: SHAPE_KEYS };
}
