import { setTimeout as sleep } from 'node:timers/promises';
import type { Bucket } from '@google-cloud/storage';
import type { SceneObject } from '../../scenes/index.js';
import { VerbError } from '../verb.js';
import type { ObjectResource } from './events.js';
import type { Picture } from './pictures.js';

export interface UploadOptions {
  bucket: Bucket;
  /** Folder of this run in the bucket, with a slash at its end. */
  prefix: string;
  signal: AbortSignal;
}

export const UPLOADS_AT_ONCE = 8;

/** Uploads a picture as its user would, and deletes it again where that is its story. Throws VerbError after five tries. */
export async function uploadPicture(
  picture: Picture,
  { bucket, prefix, signal }: UploadOptions,
): Promise<{ resource: ObjectResource; truth?: readonly SceneObject[] }> {
  const { bytes, truth } = await picture.load();
  const file = bucket.file(`${prefix}${picture.name}`);
  await withRetries(`${picture.name} could not be uploaded`, signal, () =>
    file.save(bytes, { resumable: false, contentType: picture.contentType }),
  );
  const resource = readResource({ ...file.metadata });
  if (picture.kind === 'gone') {
    await withRetries(`${picture.name} could not be deleted`, signal, () => file.delete({ ignoreNotFound: true }));
  }
  return { resource, ...(truth ? { truth } : {}) };
}

const TRIES = 5;

async function withRetries(what: string, signal: AbortSignal, work: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    signal.throwIfAborted();
    try {
      await work();
      return;
    } catch (error) {
      if (tries === TRIES) throw new VerbError(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      await sleep(250 * 2 ** tries, undefined, { signal });
    }
  }
}

/** What the storage API said of the upload. */
function readResource(metadata: Record<string, unknown>): ObjectResource {
  const { bucket, name, generation, timeCreated } = metadata;
  if (typeof bucket !== 'string' || typeof name !== 'string' || typeof timeCreated !== 'string')
    throw new VerbError(`The storage API described an upload without bucket, name or timeCreated: ${String(name)}`);
  return { ...metadata, bucket, name, generation: String(generation), timeCreated };
}
