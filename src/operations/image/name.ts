import { BUCKET_NAME } from '../../domain/index.js';
import type { ObjectName } from '../../warehouse/index.js';
import { RequestError } from '../errors.js';

/**
 * Reads `gs://bucket/object` and `gs://bucket/object#generation`. As in Google's own tools, digits after the last `#`
 * are a generation; a name that ends so needs its generation behind it. Throws RequestError that says what is wrong.
 */
export function readImageName(text: string): ObjectName {
  const example = 'it looks like gs://bucket/folder/picture.jpg';
  if (!text.startsWith('gs://')) throw new RequestError(`'${text}' is no image: ${example}`);
  const rest = text.slice('gs://'.length);
  const slash = rest.indexOf('/');
  const bucket = slash < 0 ? rest : rest.slice(0, slash);
  if (!BUCKET_NAME.test(bucket)) throw new RequestError(`'${text}' has no bucket that can be: ${example}`);
  const [, object = '', generation] = /^(.*?)(?:#(\d{1,20}))?$/s.exec(slash < 0 ? '' : rest.slice(slash + 1)) ?? [];
  if (object === '') throw new RequestError(`'${text}' names a bucket and no object: ${example}`);
  if (Buffer.byteLength(object) > 1024) throw new RequestError('The name of an object has at most 1,024 bytes.');
  if (generation !== undefined && BigInt(generation) >= 2n ** 64n)
    throw new RequestError(`'#${generation}' is no generation: it has 64 bits`);
  return { bucket, object, generation };
}

/** As an argument of a shell. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
