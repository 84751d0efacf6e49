import { z } from 'zod';
import { invalid, isRecord, readStorageObject, refused, type Reading } from '../admission/index.js';
import { parseJson, type EventRequest, type IncomingEvent } from './reading.js';

/** A Pub/Sub message in JSON. The old names with underscores come beside the new ones. */
const messageSchema = z.object({
  attributes: z.record(z.string(), z.string()).nullish(),
  data: z.string().nullish(),
  messageId: z.string().nullish(),
  message_id: z.string().nullish(),
});

/** Attributes of a Cloud Storage notification, as headers of an unwrapped push: lower-cased names. */
const ATTRIBUTES = ['eventType', 'bucketId', 'objectId', 'objectGeneration', 'eventTime', 'payloadFormat'] as const;

/**
 * Reads a Pub/Sub push of a Cloud Storage notification: wrapped (the default), or unwrapped with metadata, where the
 * attributes are headers and the body is the data.
 */
export function readPush({ headers, body }: EventRequest, nowMs: number): IncomingEvent {
  const unwrapped = headers['x-goog-pubsub-message-id'];
  if (typeof unwrapped === 'string') {
    const reading = readNotification(attributesFromHeaders(headers), body, 'body', nowMs);
    return { reading, sourceId: unwrapped, payload: body, headers, form: 'unwrapped push' };
  }
  const event = { payload: body, headers, form: 'push' };
  const json = parseJson(body);
  if (!json.ok) return { ...event, reading: refused('UNPARSABLE', `body: ${json.detail}`) };
  if (!isRecord(json.value) || !isRecord(json.value['message'])) {
    const hint = 'no Pub/Sub push: it has no `message` (unwrapped pushes need --push-no-wrapper-write-metadata)';
    return { ...event, reading: refused('UNPARSABLE', hint) };
  }
  return { ...event, ...readMessage(json.value['message'], nowMs) };
}

/** Reads one Pub/Sub message that carries a Cloud Storage notification. */
export function readMessage(message: unknown, nowMs: number): { reading: Reading; sourceId?: string } {
  const parsed = messageSchema.safeParse(message);
  if (!parsed.success) return { reading: invalid(parsed.error, 'message') };
  const { attributes, data } = parsed.data;
  const sourceId = parsed.data.messageId ?? parsed.data.message_id;
  const bytes = Buffer.from(data ?? '', 'base64');
  const reading = readNotification(attributes ?? {}, bytes, 'message.data', nowMs);
  return typeof sourceId === 'string' ? { reading, sourceId } : { reading };
}

/**
 * The object comes from the data. Without data (payloadFormat NONE) the attributes name it, its type is told by its
 * name, and the time of the event stands for that of the upload.
 */
function readNotification(
  attributes: Readonly<Record<string, string | undefined>>,
  payload: Buffer,
  where: string,
  nowMs: number,
): Reading {
  const { eventType, bucketId, objectId, objectGeneration, eventTime } = attributes;
  if (eventType === undefined) {
    return refused('INVALID_EVENT', 'attributes.eventType: missing, this is no Cloud Storage notification');
  }
  if (eventType !== 'OBJECT_FINALIZE') return { kind: 'ignored', outcome: 'ignored_type' };
  if (payload.length === 0) {
    const resource = { bucket: bucketId, name: objectId, generation: objectGeneration, timeCreated: eventTime };
    return readStorageObject(resource, 'attributes', nowMs);
  }
  const json = parseJson(payload);
  if (!json.ok) return refused('UNPARSABLE', `${where}: ${json.detail}`);
  return readStorageObject(json.value, where, nowMs);
}

/** Node reads header bytes as Latin-1; names of objects are UTF-8. */
function attributesFromHeaders(headers: EventRequest['headers']): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const name of ATTRIBUTES) {
    const value = headers[name.toLowerCase()];
    if (typeof value === 'string') attributes[name] = Buffer.from(value, 'latin1').toString('utf8');
  }
  return attributes;
}
