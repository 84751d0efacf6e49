import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bucket } from '@google-cloud/storage';
import type { SceneObject } from '../../scenes/index.js';
import { VerbError } from '../verb.js';
import { EVENT_FORMS, eventRequest, type EventRequest, type ObjectResource } from './events.js';
import type { Picture } from './pictures.js';
import { post } from './post.js';

/** A picture that is in the bucket and whose event was acknowledged. */
export interface SentImage {
  picture: Picture;
  object: string;
  generation: string;
  uploadedAtMs: number;
  truth?: readonly SceneObject[];
}

/** Grows while the pictures are sent. */
export interface Sending {
  uploaded: number;
  /** Images whose event was acknowledged at least once. */
  images: SentImage[];
  /** Events that were acknowledged, those delivered twice on purpose included. */
  events: number;
  /** Of them delivered again on purpose. */
  repeated: number;
  /** Posts that were not acknowledged and sent again. */
  retried: number;
}

export interface SendOptions {
  bucket: Bucket;
  /** Folder of this run in the bucket, with a slash at its end. */
  prefix: string;
  intake: () => string | undefined;
  /** Static bearer token that intake wants. */
  token: string | undefined;
  signal: AbortSignal;
}

const UPLOADS_AT_ONCE = 8;
/** Every tenth event is delivered twice. */
const REPEAT_EVERY = 10;

export function startSending(): Sending {
  return { uploaded: 0, images: [], events: 0, repeated: 0, retried: 0 };
}

/**
 * Uploads the pictures and posts their events. Half of the second deliveries come at once, racing with the first; half
 * come after everything else, when the image may be long done.
 */
export async function send(pictures: readonly Picture[], sending: Sending, options: SendOptions): Promise<void> {
  const late: EventRequest[] = [];
  const credentials = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
  const deliver = async (request: EventRequest): Promise<void> => {
    const { retries } = await post(
      options.intake,
      { ...request, headers: { ...request.headers, ...credentials } },
      options.signal,
    );
    sending.events += 1;
    sending.retried += retries;
  };
  const repeat = async (request: EventRequest): Promise<void> => {
    await deliver(request);
    sending.repeated += 1;
  };
  await forEachBounded(pictures, UPLOADS_AT_ONCE, options.signal, async (picture, index) => {
    const { resource, truth } = await upload(picture, options);
    sending.uploaded += 1;
    const form = EVENT_FORMS[index % EVENT_FORMS.length] ?? 'push';
    const request = eventRequest(form, resource, randomUUID());
    const twice = index % REPEAT_EVERY === 0;
    const atOnce = index % (2 * REPEAT_EVERY) === 0;
    await Promise.all([deliver(request), ...(twice && atOnce ? [repeat(request)] : [])]);
    if (twice && !atOnce) late.push(request);
    sending.images.push({
      picture,
      object: resource.name,
      generation: resource.generation,
      uploadedAtMs: Date.parse(resource.timeCreated),
      ...(truth ? { truth } : {}),
    });
  });
  await forEachBounded(late, UPLOADS_AT_ONCE, options.signal, repeat);
}

async function upload(
  picture: Picture,
  { bucket, prefix, signal }: SendOptions,
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

/** Runs `work` for each item, so many at a time, in order; the first error ends it. */
async function forEachBounded<T>(
  items: readonly T[],
  atOnce: number,
  signal: AbortSignal,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const entries = items.entries();
  const failed = new AbortController();
  const lane = async (): Promise<void> => {
    for (const [index, item] of entries) {
      if (failed.signal.aborted) return;
      signal.throwIfAborted();
      try {
        await work(item, index);
      } catch (error) {
        failed.abort();
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}
