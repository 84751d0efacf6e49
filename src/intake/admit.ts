import { randomUUID } from 'node:crypto';
import type { Config } from '../config/index.js';
import {
  DEAD_LETTERS_TOPIC,
  imageEventsTopic,
  imageKey,
  type DeadLetterReason,
  type ImageEvent,
} from '../domain/index.js';
import type { Route, Router } from '../routing/index.js';
import { deadLetter } from '../stream/index.js';
import type { AddressedRecord } from './groupCommit.js';
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
  | { outcome: 'ignored_type' | 'ignored_not_image' | 'unrouted' };

const DAY_MS = 86_400_000;

/** Decides about one event: pure but for the id, which is new for each acceptance. */
export function createAdmission(
  config: Pick<Config, 'PENSTOCK_RETENTION_DAYS'>,
  route: Router,
): (event: IncomingEvent, path: string, nowMs: number) => Admission {
  const retentionMs = config.PENSTOCK_RETENTION_DAYS * DAY_MS;
  return (event, path, nowMs) => {
    const { reading } = event;
    if (reading.kind === 'ignored') return { outcome: reading.outcome };
    if (reading.kind === 'refused') return refuse(event, path, nowMs, reading);
    const { object } = reading;
    if (object.uploadedAtMs < nowMs - retentionMs) {
      const uploaded = new Date(object.uploadedAtMs).toISOString();
      const detail = `uploaded ${uploaded}, kept for ${config.PENSTOCK_RETENTION_DAYS} days`;
      return refuse(event, path, nowMs, { reason: 'OUT_OF_RETENTION', detail, image: imageKey(object) });
    }
    const to = route(object);
    if (to === undefined) return { outcome: 'unrouted' };
    const { lane } = to;
    const message = imageEvent(object, { ...to, sourceId: event.sourceId, nowMs });
    const image = imageKey(object);
    const record = { topic: imageEventsTopic(lane), key: image, value: JSON.stringify(message) };
    return { outcome: 'accepted', id: message.id, image, lane, record };
  };
}

function imageEvent(
  object: FinalizedObject,
  { model, deadlineMs, sourceId, nowMs }: Route & { sourceId: string | undefined; nowMs: number },
): ImageEvent {
  const { bucket, object: name, generation, uploadedAtMs, contentType, sizeBytes } = object;
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
    ...(deadlineMs === undefined ? {} : { deadlineMs: uploadedAtMs + deadlineMs }),
  };
}

function refuse(
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
