import { randomUUID } from 'node:crypto';
import type { SceneObject } from '../../scenes/index.js';
import { forEachBounded } from './bounded.js';
import { EVENT_FORMS, eventRequest, type EventRequest } from './events.js';
import type { Picture } from './pictures.js';
import { post } from './post.js';
import { UPLOADS_AT_ONCE, uploadPicture, type UploadOptions } from './upload.js';

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

export interface SendOptions extends UploadOptions {
  intake: () => string | undefined;
  /** Static bearer token that intake wants. */
  token: string | undefined;
}

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
    const { resource, truth } = await uploadPicture(picture, options);
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
