import type { Readable } from 'node:stream';
import { createObjectAdmission, readStorageObject, type FinalizedObject } from '../../admission/index.js';
import type { Config } from '../../config/index.js';
import { imageKey, type DetectedImage, type ImageRef } from '../../domain/index.js';
import type { Routing } from '../../routing/index.js';
import type { ObjectInspector, ObjectWriter } from '../../storage/index.js';
import { detectImageId } from '../../client/index.js';
import type { Grant } from '../keys.js';
import { Refusal } from '../refusal.js';
import { queueWaitMs } from './forecast.js';
import { PICTURE_METADATA, pictureName, storePicture } from './picture.js';
import type { PictureQuery, ReferenceRequest } from './request.js';
import type { Detection } from './temporal.js';
import { UsualTime } from './usual.js';

export interface DetectorOptions {
  config: Config;
  routing: Routing;
  inspector: ObjectInspector;
  writer: ObjectWriter;
  detection: Detection;
}

/** What every request has. */
export interface Asked {
  /** When it began, milliseconds since the epoch: its deadline and `waitedMs` count from then. */
  atMs: number;
  /** The buckets that the sender may use. */
  buckets: Grant;
  /** Aborts when the sender has gone or intake stops. */
  signal: AbortSignal;
}

export interface Detected extends DetectedImage {
  image: ImageRef;
  model: string;
  workflowId: string;
  waitedMs: number;
}

const RETRY_S = 5;

/** Detects one image after the other asks for it, and knows how many are at work. Both methods throw Refusal. */
export class ImageDetector {
  readonly #options: DetectorOptions;
  readonly #admit;
  readonly #usual = new UsualTime();
  /** Name of a model to the requests that are worked on. */
  readonly #inFlight = new Map<string, number>();

  constructor(options: DetectorOptions) {
    this.#options = options;
    this.#admit = (object: FinalizedObject, model: string, nowMs: number) =>
      createObjectAdmission(options.config, () => ({ lane: options.config.PENSTOCK_EXPRESS_LANE, model }))(object, {
        nowMs,
        isAskedFor: true,
      });
  }

  /** An image that is in a bucket. */
  async reference(request: ReferenceRequest, asked: Asked): Promise<Detected> {
    const { image } = request;
    this.#mayUse(image.bucket, asked);
    const model = this.#modelOf(image, request.model);
    return this.#inTurn(model, request.deadlineMs, asked, async (waitMs) => {
      const found = await this.#options.inspector.inspect(image);
      if (found.kind === 'missing') throw new Refusal('not_found', `there is no ${nameOf(image)}`);
      if (found.kind !== 'object')
        throw new Refusal('storage', `${nameOf(image)} can not be read: ${found.detail}`, { retryAfterS: RETRY_S });
      const object = this.#read(found.resource, asked);
      this.#refuseHopeless(object, model, asked);
      return this.#detect(object, model, request.deadlineMs, asked, { waitMs, isStored: false });
    });
  }

  /** A picture that comes as the body: it is stored first. `bytes` is what its sender announces. */
  async picture({ body, mediaType, bytes, query, maxBytes }: Picture, asked: Asked): Promise<Detected> {
    const bucket = this.#options.config.PENSTOCK_DETECT_API_BUCKET;
    if (bucket === undefined)
      throw new Refusal('invalid', 'no picture is taken as a body here: PENSTOCK_DETECT_API_BUCKET is not set');
    this.#mayUse(bucket, asked);
    const planned = { bucket, object: pictureName(asked.atMs, query.name), generation: '0' };
    const model = this.#modelOf(planned, query.model);
    const plannedObject: FinalizedObject = {
      ...{ ...planned, uploadedAtMs: asked.atMs, contentType: mediaType, metadata: PICTURE_METADATA },
      ...(bytes === undefined ? {} : { sizeBytes: bytes }),
    };
    this.#refuseHopeless(plannedObject, model, asked);
    return this.#inTurn(model, query.deadlineMs, asked, async (waitMs) => {
      const stored = { ...planned, contentType: mediaType, body, maxBytes, signal: asked.signal };
      const resource = await storePicture(this.#options.writer, stored);
      // Whoever posts a body says that it is a picture, whatever type it has.
      const object = this.#read({ ...(resource as object), contentType: 'image/*' }, asked);
      this.#refuseHopeless(object, model, asked);
      return this.#detect(object, model, query.deadlineMs, asked, { waitMs, isStored: true });
    });
  }

  #mayUse(bucket: string, { buckets: granted }: Asked): void {
    if (!granted.has(bucket)) throw new Refusal('forbidden', `the key is not for the bucket ${bucket}`);
    // Before the storage is asked: its answer would tell what is in buckets that are none of ours.
    const { PENSTOCK_BUCKETS: buckets } = this.#options.config;
    if (buckets.length > 0 && !buckets.includes(bucket))
      throw new Refusal('forbidden', `PENSTOCK_BUCKETS does not have ${bucket}`);
  }

  #modelOf(image: { bucket: string; object: string }, asked: string | undefined): string {
    const { routing } = this.#options;
    const models = routing.models();
    const known = `known are ${models.slice(0, 50).join(', ')}`;
    if (asked !== undefined) {
      if (models.includes(asked)) return asked;
      throw new Refusal('invalid', `model: no route has ${asked}; ${known}`);
    }
    const to = routing.route({ ...image, metadata: {} });
    if (to === undefined) throw new Refusal('invalid', `no route takes ${nameOf(image)}: name a model; ${known}`);
    return to.model;
  }

  /** Refuses what would not be answered in time, and counts what is at work. */
  async #inTurn<T>(model: string, deadlineMs: number, asked: Asked, work: (waitMs: number) => Promise<T>): Promise<T> {
    const inFlight = this.#inFlight.get(model) ?? 0;
    const nowMs = Date.now();
    const waitMs = queueWaitMs({
      ...{ model, inFlight, nowMs, capacity: this.#options.detection.capacity() },
      usualMs: this.#usual.ms(performance.now()),
      leftMs: asked.atMs + deadlineMs - nowMs,
    });
    this.#inFlight.set(model, inFlight + 1);
    try {
      return await work(waitMs);
    } finally {
      const left = (this.#inFlight.get(model) ?? 1) - 1;
      if (left > 0) this.#inFlight.set(model, left);
      else this.#inFlight.delete(model);
    }
  }

  #read(resource: unknown, { atMs }: Asked): FinalizedObject {
    const reading = readStorageObject(resource, 'object', atMs);
    if (reading.kind === 'object') return reading.object;
    if (reading.kind === 'ignored')
      throw new Refusal('hopeless', 'by its type or name it is no image', { error: 'NOT_AN_IMAGE' });
    throw new Refusal('hopeless', reading.detail, { error: reading.reason });
  }

  /** What intake would not take from an event either. */
  #refuseHopeless(object: FinalizedObject, model: string, { atMs }: Asked): void {
    const admission = this.#admit(object, model, atMs);
    if (admission.outcome === 'bucket_not_allowed')
      throw new Refusal('forbidden', `PENSTOCK_BUCKETS does not have ${admission.bucket}`);
    if (admission.outcome === 'out_of_retention')
      throw new Refusal('hopeless', admission.detail, { error: 'OUT_OF_RETENTION' });
    if (admission.outcome === 'refused') throw new Refusal('hopeless', admission.detail, { error: admission.reason });
  }

  async #detect(
    object: FinalizedObject,
    model: string,
    deadlineMs: number,
    asked: Asked,
    { waitMs, isStored }: { waitMs: number; isStored: boolean },
  ): Promise<Detected> {
    const { config, detection } = this.#options;
    const { bucket, object: name, generation, uploadedAtMs } = object;
    const image = { bucket, object: name, generation };
    const workflowId = detectImageId(model, image);
    const told = { workflowId, ...(isStored ? { image: imageKey(image) } : {}) };
    const beganAtMs = performance.now();
    const outcome = await detection.detect(
      { ...image, model, uploadedAtMs, receivedAtMs: asked.atMs, maxAttempts: config.PENSTOCK_DETECT_ATTEMPTS },
      { deadlineMs: asked.atMs + deadlineMs, signal: asked.signal },
    );
    const away = new Refusal('unavailable', 'Temporal does not answer, or no orchestrator runs', {
      ...told,
      retryAfterS: RETRY_S,
    });
    switch (outcome?.kind) {
      case 'detected':
        this.#usual.saw(performance.now() - beganAtMs - waitMs, performance.now());
        return { image, model, ...outcome.image, workflowId, waitedMs: Date.now() - asked.atMs };
      case 'dead':
        throw new Refusal('dead', outcome.message, { ...told, error: outcome.reason });
      case 'late':
        if (outcome.isBegun)
          throw new Refusal('late', 'the deadline is past; the image is still detected, and its result stored', told);
        if (detection.isAway()) throw away;
        throw new Refusal('late', 'the deadline is past; whether its detection has begun is not known', told);
      case 'crowded':
        throw new Refusal('busy', 'too many requests wait for this image', { ...told, retryAfterS: 1 });
      case 'away':
      case undefined:
        throw away;
    }
  }
}

export interface Picture {
  body: Readable;
  mediaType: string;
  bytes: number | undefined;
  query: PictureQuery;
  maxBytes: number;
}

function nameOf({ bucket, object, generation }: { bucket: string; object: string; generation?: string | undefined }) {
  return `gs://${bucket}/${object}${generation === undefined ? '' : `#${generation}`}`;
}
