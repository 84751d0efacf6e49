import type { Manifest } from '../manifest/schema.js';
import { globToRegExp } from './glob.js';

/** An object that was uploaded. */
export interface UploadedObject {
  bucket: string;
  object: string;
}

/** Names of the datasets that wait for one of these uploads (`onUpload`), in order. */
export function datasetsAwaiting(
  manifests: Iterable<Pick<Manifest, 'name' | 'source'>>,
  uploads: readonly UploadedObject[],
): string[] {
  return [...manifests].flatMap(({ name, source }) => {
    if (source.type !== 'objects' || !source.onUpload) return [];
    const patterns = source.match.map(globToRegExp);
    const isAwaited = ({ bucket, object }: UploadedObject): boolean =>
      bucket === source.bucket && patterns.some((pattern) => pattern.test(object));
    return uploads.some(isAwaited) ? [name] : [];
  });
}
