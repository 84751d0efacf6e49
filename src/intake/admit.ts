import { randomUUID } from 'node:crypto';
import {
  createObjectAdmission,
  type AddressedRecord,
  type AdmissionConfig,
  type ObjectAdmission,
  type Reading,
} from '../admission/index.js';
import {
  DEAD_LETTERS_TOPIC,
  imageKey,
  OTHER_UPLOADS_TOPIC,
  type DeadLetterReason,
  type OtherUpload,
} from '../domain/index.js';
import type { Router } from '../routing/index.js';
import { deadLetter } from '../stream/index.js';
import { tellingHeaders, type IncomingEvent } from './reading.js';

/** What is to become of an event, once the broker has the record. */
export type Admission =
  | Exclude<ObjectAdmission, { outcome: 'out_of_retention' }>
  | {
      outcome: 'dead_letter' | 'out_of_retention';
      id: string;
      image?: string;
      reason: DeadLetterReason;
      detail: string;
      record: AddressedRecord;
    }
  | { outcome: 'ignored_type' }
  /** With a record where a dataset may wait for it. */
  | { outcome: 'ignored_not_image'; record?: AddressedRecord };

/** Decides about one event: pure but for the id, which is new for each acceptance. */
export function createAdmission(
  config: AdmissionConfig,
  route: Router,
): (event: IncomingEvent, path: string, nowMs: number) => Admission {
  const admitObject = createObjectAdmission(config, route);
  return (event, path, nowMs) => {
    const { reading, sourceId } = event;
    if (reading.kind === 'ignored') return ignored(reading, config.PENSTOCK_BUCKETS);
    if (reading.kind === 'refused') return keepAsDeadLetter(event, path, nowMs, reading);
    const admission = admitObject(reading.object, { sourceId, nowMs });
    if (admission.outcome !== 'out_of_retention') return admission;
    return keepAsDeadLetter(event, path, nowMs, { ...admission, reason: 'OUT_OF_RETENTION' });
  };
}

function ignored(reading: Extract<Reading, { kind: 'ignored' }>, buckets: readonly string[]): Admission {
  if (reading.outcome === 'ignored_type') return { outcome: reading.outcome };
  const { outcome, file } = reading;
  if (file === undefined || (buckets.length > 0 && !buckets.includes(file.bucket))) return { outcome };
  const upload: OtherUpload = { v: 1, ...file };
  return { outcome, record: { topic: OTHER_UPLOADS_TOPIC, key: imageKey(file), value: JSON.stringify(upload) } };
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
    headers: tellingHeaders(event.headers),
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
