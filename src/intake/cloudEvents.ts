import { z } from 'zod';
import { invalid, isRecord, readStorageObject, refused, type Reading } from '../admission/index.js';
import { readMessage } from './pubsub.js';
import { parseJson, TooManyEventsError, type EventRequest, type IncomingEvent } from './reading.js';

const FINALIZED = 'google.cloud.storage.object.v1.finalized';
const MESSAGE_PUBLISHED = 'google.cloud.pubsub.topic.v1.messagePublished';

const STRUCTURED = 'application/cloudevents+json';
/** With these an event of a batch would have come alone. */
const ALONE = { 'content-type': STRUCTURED };

/** A small body may hold a hundred thousand elements, each of which would be a record. */
const MAX_BATCH_EVENTS = 1000;

const attributesSchema = z.object({
  specversion: z.string().regex(/^1\./, 'only CloudEvents 1.x'),
  type: z.string().min(1),
  source: z.string().min(1),
  id: z.string().min(1),
});

/**
 * Reads the CloudEvents of a request in any content mode of the HTTP binding: binary (attributes in ce-* headers),
 * structured (application/cloudevents+json), batched (application/cloudevents-batch+json).
 */
export function readCloudEvents({ headers, body }: EventRequest, nowMs: number): IncomingEvent[] {
  const contentType = headers['content-type'];
  const mediaType = typeof contentType === 'string' ? (contentType.split(';')[0] ?? '').trim().toLowerCase() : '';
  if (mediaType.startsWith('application/cloudevents')) return readJsonModes(mediaType, { headers, body }, nowMs);
  const attributes = {
    specversion: headers['ce-specversion'],
    type: headers['ce-type'],
    source: headers['ce-source'],
    id: headers['ce-id'],
  };
  if (attributes.specversion === undefined && attributes.type === undefined) {
    const detail = 'no CloudEvent: neither ce-* headers nor the content type application/cloudevents+json';
    return [{ reading: refused('UNPARSABLE', detail), payload: body, headers, form: 'no CloudEvent' }];
  }
  const read = readEvent(attributes, () => parseJson(body), nowMs);
  return [{ ...read, payload: body, headers, form: form('binary', attributes.type) }];
}

function readJsonModes(mediaType: string, { headers, body }: EventRequest, nowMs: number): IncomingEvent[] {
  const whole = (reason: Reading): IncomingEvent[] => [
    { reading: reason, payload: body, headers, form: mediaType.slice(0, 80) },
  ];
  const isBatch = mediaType === 'application/cloudevents-batch+json';
  if (!isBatch && mediaType !== STRUCTURED) {
    return whole(refused('UNPARSABLE', 'only the JSON format of CloudEvents is read'));
  }
  const json = parseJson(body);
  if (!json.ok) return whole(refused('UNPARSABLE', `body: ${json.detail}`));
  if (!isBatch) return [{ ...readStructured(json.value, nowMs), payload: body, headers }];
  if (!Array.isArray(json.value)) return whole(refused('UNPARSABLE', 'body: a batch is a JSON array'));
  const elements: unknown[] = json.value;
  if (elements.length > MAX_BATCH_EVENTS)
    throw new TooManyEventsError(`${elements.length} events in a batch, at most ${MAX_BATCH_EVENTS}`);
  return elements.map((element) => {
    const text = elementText(element);
    const alone = text === undefined ? { payload: body, headers } : { payload: text, headers: ALONE };
    return { ...readStructured(element, nowMs), ...alone };
  });
}

/** Undefined for what is nested too deep to be written again, although it could be read. */
function elementText(element: unknown): Buffer | undefined {
  try {
    return Buffer.from(JSON.stringify(element));
  } catch {
    return undefined;
  }
}

function readStructured(event: unknown, nowMs: number): Omit<IncomingEvent, 'payload' | 'headers'> {
  if (!isRecord(event)) return { reading: refused('UNPARSABLE', 'no CloudEvent: no JSON object'), form: 'structured' };
  const content = (): ReturnType<typeof parseJson> => {
    const base64 = event['data_base64'];
    return typeof base64 === 'string' ? parseJson(Buffer.from(base64, 'base64')) : { ok: true, value: event['data'] };
  };
  return { ...readEvent(event, content, nowMs), form: form('structured', event['type']) };
}

/** Looks at the type first: the data of an event that nobody wants is never parsed. */
function readEvent(
  attributes: unknown,
  content: () => ReturnType<typeof parseJson>,
  nowMs: number,
): { reading: Reading; sourceId?: string } {
  const parsed = attributesSchema.safeParse(attributes);
  if (!parsed.success) return { reading: invalid(parsed.error) };
  const { type, id: sourceId } = parsed.data;
  if (type !== FINALIZED && type !== MESSAGE_PUBLISHED) {
    return { reading: { kind: 'ignored', outcome: 'ignored_type' }, sourceId };
  }
  const json = content();
  if (!json.ok) return { reading: refused('UNPARSABLE', `data: ${json.detail}`), sourceId };
  if (type === FINALIZED) return { reading: readStorageObject(json.value, 'data', nowMs), sourceId };
  // Google's examples have the message with and without the wrapper around it.
  const message = isRecord(json.value) && isRecord(json.value['message']) ? json.value['message'] : json.value;
  return { sourceId, ...readMessage(message, nowMs) };
}

function form(mode: string, type: unknown): string {
  return typeof type === 'string' ? `${mode} ${type.slice(0, 200)}` : mode;
}
