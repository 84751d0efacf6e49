import { randomUUID } from 'node:crypto';
import type { Config } from '../config/index.js';
import {
  IMAGE_RESULTS_TOPIC,
  imageEventsTopic,
  imageKey,
  LANE_METADATA,
  NO_LANE,
  refusedResult,
  type ImageEvent,
  type ImageReason,
} from '../domain/index.js';
import { deadlineOf, type Router } from '../routing/index.js';
import type { OutgoingRecord } from '../stream/index.js';
import { whyHopeless } from './hopeless.js';
import type { FinalizedObject } from './reading.js';

/** What is to become of one object that is an image. */
export type ObjectAdmission =
  | {
      outcome: 'accepted';
      id: string;
      image: string;
      lane: string;
      model: string;
      uploadedAtMs: number;
      record: AddressedRecord;
    }
  | { outcome: 'out_of_retention'; image: string; detail: string }
  /** Dead before any work: its result is written here. */
  | { outcome: 'refused'; image: string; model: string; reason: ImageReason; detail: string; record: AddressedRecord }
  | { outcome: 'bucket_not_allowed'; bucket: string }
  /** Its metadata says so: somebody else sees to its detection. */
  | { outcome: 'lane_none'; image: string }
  | { outcome: 'unrouted'; image: string };

/** A record and the topic that it goes to. */
export interface AddressedRecord extends OutgoingRecord {
  topic: string;
}

/** Whence and when an object comes. */
export interface AdmittedFrom {
  sourceId?: string | undefined;
  nowMs: number;
  /**
   * Somebody asks for this very image, and wants it however late: neither its deadline counts nor that its metadata says
   * that its event goes nowhere. Default false.
   */
  isAskedFor?: boolean;
}

export type AdmissionConfig = Pick<Config, 'PENSTOCK_RETENTION_DAYS' | 'PENSTOCK_IMAGE_MAX_BYTES' | 'PENSTOCK_BUCKETS'>;

const DAY_MS = 86_400_000;

/**
 * Decides about one object, the same whether an event told of it or a listing: pure but for the id, which is new for
 * each acceptance.
 */
export function createObjectAdmission(
  config: AdmissionConfig,
  route: Router,
): (object: FinalizedObject, from: AdmittedFrom) => ObjectAdmission {
  const days = config.PENSTOCK_RETENTION_DAYS;
  const maxBytes = config.PENSTOCK_IMAGE_MAX_BYTES;
  const buckets: ReadonlySet<string> = new Set(config.PENSTOCK_BUCKETS);
  return (object, { sourceId, nowMs, isAskedFor }) => {
    const { bucket, uploadedAtMs } = object;
    const image = imageKey(object);
    if (buckets.size > 0 && !buckets.has(bucket)) return { outcome: 'bucket_not_allowed', bucket };
    if (!isAskedFor && object.metadata[LANE_METADATA] === NO_LANE) return { outcome: 'lane_none', image };
    const to = route(object);
    if (to === undefined) return { outcome: 'unrouted', image };
    if (uploadedAtMs < nowMs - days * DAY_MS) {
      const uploaded = new Date(uploadedAtMs).toISOString();
      return { outcome: 'out_of_retention', image, detail: `uploaded ${uploaded}, kept for ${days} days` };
    }
    const { lane, model } = to;
    const deadlineMs = isAskedFor ? undefined : deadlineOf(to, object);
    const hopeless = whyHopeless(object, { maxBytes, deadlineMs, nowMs });
    if (hopeless) {
      // As a detector would have written it, so that the image has a row and can be found.
      const result = refusedResult({ ...object, model, receivedAtMs: nowMs }, { ...hopeless, nowMs });
      const record = { topic: IMAGE_RESULTS_TOPIC, key: image, value: JSON.stringify(result) };
      return { outcome: 'refused', image, model, ...hopeless, record };
    }
    const event = imageEvent(object, { model, deadlineMs, sourceId, nowMs });
    const record = { topic: imageEventsTopic(lane), key: image, value: JSON.stringify(event) };
    return { outcome: 'accepted', id: event.id, image, lane, model, uploadedAtMs: event.uploadedAtMs, record };
  };
}

function imageEvent(
  object: FinalizedObject,
  to: { model: string; deadlineMs: number | undefined; sourceId: string | undefined; nowMs: number },
): ImageEvent {
  const { bucket, object: name, generation, uploadedAtMs, contentType, sizeBytes } = object;
  const { model, deadlineMs, sourceId, nowMs } = to;
  return {
    v: 1,
    id: randomUUID(),
    ...(sourceId === undefined ? {} : { sourceId: sourceId.slice(0, 256) }),
    bucket,
    object: name,
    generation,
    uploadedAtMs,
    receivedAtMs: nowMs,
    ...(contentType === undefined ? {} : { contentType }),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    model,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  };
}
