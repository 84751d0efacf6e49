import { randomUUID } from 'node:crypto';
import type { Config } from '../config/index.js';
import {
  DEAD_LETTERS_TOPIC,
  IMAGE_RESULTS_TOPIC,
  imageEventsTopic,
  imageKey,
  type DeadLetterReason,
  type ImageEvent,
  type ImageReason,
  type ImageResult,
} from '../domain/index.js';
import { deadlineOf, type Router } from '../routing/index.js';
import { deadLetter } from '../stream/index.js';
import type { AddressedRecord } from './groupCommit.js';
import { whyHopeless } from './hopeless.js';
import type { FinalizedObject, IncomingEvent } from './reading.js';

/** What is to become of an event, once the broker has the record. */
export type Admission =
  | { outcome: 'accepted'; id: string; image: string; lane: string; record: AddressedRecord }
  | {
      outcome: 'dead_letter' | 'out_of_retention';
      id: string;
      image?: string;
      reason: DeadLetterReason;
      detail: string;
      record: AddressedRecord;
    }
  /** Dead before any work: its result is written here. */
  | { outcome: 'refused'; image: string; reason: ImageReason; detail: string; record: AddressedRecord }
  | { outcome: 'bucket_not_allowed'; bucket: string }
  | { outcome: 'unrouted'; image: string }
  | { outcome: 'ignored_type' | 'ignored_not_image' };

export type AdmissionConfig = Pick<Config, 'PENSTOCK_RETENTION_DAYS' | 'PENSTOCK_IMAGE_MAX_BYTES' | 'PENSTOCK_BUCKETS'>;

const DAY_MS = 86_400_000;

/** Decides about one event: pure but for the id, which is new for each acceptance. */
export function createAdmission(
  config: AdmissionConfig,
  route: Router,
): (event: IncomingEvent, path: string, nowMs: number) => Admission {
  const retentionMs = config.PENSTOCK_RETENTION_DAYS * DAY_MS;
  const maxBytes = config.PENSTOCK_IMAGE_MAX_BYTES;
  const buckets: ReadonlySet<string> = new Set(config.PENSTOCK_BUCKETS);
  return (event, path, nowMs) => {
    const { reading } = event;
    if (reading.kind === 'ignored') return { outcome: reading.outcome };
    if (reading.kind === 'refused') return keepAsDeadLetter(event, path, nowMs, reading);
    const { object } = reading;
    const { bucket, uploadedAtMs } = object;
    const image = imageKey(object);
    if (buckets.size > 0 && !buckets.has(bucket)) return { outcome: 'bucket_not_allowed', bucket };
    const to = route(object);
    if (to === undefined) return { outcome: 'unrouted', image };
    if (uploadedAtMs < nowMs - retentionMs) {
      const uploaded = new Date(uploadedAtMs).toISOString();
      const detail = `uploaded ${uploaded}, kept for ${config.PENSTOCK_RETENTION_DAYS} days`;
      return keepAsDeadLetter(event, path, nowMs, { reason: 'OUT_OF_RETENTION', detail, image });
    }
    const { lane, model } = to;
    const deadlineMs = deadlineOf(to, object);
    const hopeless = whyHopeless(object, { maxBytes, deadlineMs, nowMs });
    if (hopeless) return refuse(object, model, nowMs, hopeless);
    const message = imageEvent(object, { model, deadlineMs, sourceId: event.sourceId, nowMs });
    const record = { topic: imageEventsTopic(lane), key: image, value: JSON.stringify(message) };
    return { outcome: 'accepted', id: message.id, image, lane, record };
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

/** A dead result, as a detector would have written it, so that the image has a row and can be found. */
function refuse(
  { bucket, object, generation, uploadedAtMs }: FinalizedObject,
  model: string,
  nowMs: number,
  { reason, detail }: { reason: ImageReason; detail: string },
): Admission {
  const result: ImageResult = {
    v: 1,
    ...{ bucket, object, generation, model },
    ...{ status: 'dead', reason, detail: detail.slice(0, 500) },
    ...{ width: 0, height: 0, detections: [] },
    ...{ uploadedAtMs, receivedAtMs: nowMs, detectedAtMs: nowMs, attempts: 0 },
    // No batch had it.
    ...{ workflowId: '', runId: '' },
  };
  const image = imageKey(result);
  const record = { topic: IMAGE_RESULTS_TOPIC, key: image, value: JSON.stringify(result) };
  return { outcome: 'refused', image, reason, detail, record };
}

function keepAsDeadLetter(
  event: IncomingEvent,
  path: string,
  nowMs: number,
  { reason, detail, image }: { reason: DeadLetterReason; detail: string; image?: string },
): Admission {
  const source = event.sourceId === undefined ? '' : `, id ${event.sourceId}`;
  const letter = deadLetter({
    id: randomUUID(),
    source: 'intake',
    reason,
    detail,
    origin: `POST ${path} (${event.form}${source})`,
    payload: event.payload,
    receivedAtMs: nowMs,
  });
  return {
    outcome: reason === 'OUT_OF_RETENTION' ? 'out_of_retention' : 'dead_letter',
    id: letter.id,
    ...(image === undefined ? {} : { image }),
    reason,
    detail: letter.detail,
    record: { topic: DEAD_LETTERS_TOPIC, value: JSON.stringify(letter) },
  };
}
