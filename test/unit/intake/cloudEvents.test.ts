import { describe, expect, it } from 'vitest';
import {
  BROKEN_PUBSUB_EVENT,
  EVENTARC_STORAGE_HEADERS,
  LOCAL_FUNCTION_CALL,
  NOTIFICATION_ATTRIBUTES,
  STORAGE_OBJECT_DATA,
  STRUCTURED_PUBSUB_EVENT,
  STRUCTURED_STORAGE_EVENT,
} from './fixtures/google.js';
import { imageKey } from '../../../src/domain/index.js';
import { IMAGE_OBJECT, NOW, binaryEvent, startIntake } from './rig.js';

const STRUCTURED = { 'content-type': 'application/cloudevents+json; charset=utf-8' };
const BATCHED = { 'content-type': 'application/cloudevents-batch+json' };
const structuredImage = {
  ...STRUCTURED_STORAGE_EVENT,
  data: {
    ...STRUCTURED_STORAGE_EVENT.data,
    name: 'a.png',
    contentType: 'image/png',
    size: 352,
    timeCreated: '2020-04-23T07:00:00Z',
  },
};

describe('POST /events/gcs', () => {
  it('hands a finalized image in binary mode to Kafka, keyed by its identity, and says so', async () => {
    const { post, broker } = await startIntake();
    const response = await post('/events/gcs', binaryEvent());
    expect(response.statusCode).toBe(200);
    const [stored] = broker.events();
    expect(stored).toEqual({
      topic: 'penstock.image-events.bulk',
      key: 'gs://sample-bucket/folder/dog.jpg#1587627537231057',
      event: {
        v: 1,
        id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        sourceId: '1096434104173400',
        bucket: 'sample-bucket',
        object: 'folder/dog.jpg',
        generation: '1587627537231057',
        uploadedAtMs: Date.parse('2020-04-23T07:38:57.230Z'),
        receivedAtMs: NOW,
        contentType: 'image/jpeg',
        sizeBytes: 352,
        model: 'shapes',
      },
    });
    expect(response.json()).toEqual({ events: [{ outcome: 'accepted', id: stored?.event.id, lane: 'bulk' }] });
  });

  it('reads a structured event, with numbers as numbers', async () => {
    const { post, broker } = await startIntake();
    const response = await post('/events/gcs', { headers: STRUCTURED, payload: JSON.stringify(structuredImage) });
    expect(response.statusCode).toBe(200);
    expect(broker.events()[0]?.event).toMatchObject({
      sourceId: '1234567',
      object: 'a.png',
      generation: '96883251',
      sizeBytes: 352,
    });
  });

  it('reads a structured event whose data is base64', async () => {
    const { post, broker } = await startIntake();
    const { data, ...rest } = structuredImage;
    const payload = JSON.stringify({ ...rest, data_base64: Buffer.from(JSON.stringify(data)).toString('base64') });
    await post('/events/gcs', { headers: STRUCTURED, payload });
    expect(broker.events()).toHaveLength(1);
  });

  it('refuses a batch of more than 1,000 events whole, and acknowledges none of it', async () => {
    const { post, broker } = await startIntake();
    const response = await post('/events/gcs', { headers: BATCHED, payload: `[${'0,'.repeat(1_000)}0]` });
    expect([response.statusCode, response.json()]).toEqual([413, { error: '1001 events in a batch, at most 1000' }]);
    expect(broker.log).toEqual([]);
  });

  it('takes each event of a batch by itself', async () => {
    const { post, broker } = await startIntake();
    const batch = [structuredImage, { ...structuredImage, id: undefined }, STRUCTURED_STORAGE_EVENT, 7];
    const response = await post('/events/gcs', { headers: BATCHED, payload: JSON.stringify(batch) });
    expect(response.statusCode).toBe(200);
    expect(response.json<{ events: { outcome: string }[] }>().events.map(({ outcome }) => outcome)).toEqual([
      'accepted',
      'dead_letter',
      'ignored_not_image',
      'dead_letter',
    ]);
    expect(broker.events()).toHaveLength(1);
    expect(broker.deadLetters().map(({ payload }) => payload)).toEqual([JSON.stringify(batch[1]), '7']);
  });

  it('reads a Cloud Storage notification that Eventarc wraps as messagePublished, binary or structured', async () => {
    const { post, broker } = await startIntake();
    const message = {
      attributes: NOTIFICATION_ATTRIBUTES,
      data: Buffer.from(JSON.stringify(IMAGE_OBJECT)).toString('base64'),
      messageId: '42',
    };
    const headers = { ...EVENTARC_STORAGE_HEADERS, 'ce-type': 'google.cloud.pubsub.topic.v1.messagePublished' };
    await post('/events/gcs', { headers, payload: JSON.stringify({ message, subscription: 's' }) });
    const wrapped = { ...STRUCTURED_PUBSUB_EVENT, data: { message } };
    await post('/events/gcs', { headers: STRUCTURED, payload: JSON.stringify(wrapped) });
    const bare = { ...STRUCTURED_PUBSUB_EVENT, data: message };
    await post('/events/gcs', { headers: STRUCTURED, payload: JSON.stringify(bare) });
    expect(broker.events().map(({ event }) => [event.object, event.sourceId])).toEqual([
      ['folder/dog.jpg', '42'],
      ['folder/dog.jpg', '42'],
      ['folder/dog.jpg', '42'],
    ]);
  });

  it('acknowledges and counts what the documentation shows and is no image', async () => {
    const { post, count } = await startIntake();
    for (const object of [STORAGE_OBJECT_DATA, LOCAL_FUNCTION_CALL]) {
      const response = await post('/events/gcs', {
        headers: EVENTARC_STORAGE_HEADERS,
        payload: JSON.stringify(object),
      });
      expect([response.statusCode, response.json()]).toEqual([200, { events: [{ outcome: 'ignored_not_image' }] }]);
    }
    expect(await count('ignored_not_image')).toBe(2);
  });

  it('keeps for datasets what is no image, where it is told completely and its bucket is one of ours', async () => {
    const { post, broker } = await startIntake({ PENSTOCK_BUCKETS: STORAGE_OBJECT_DATA.bucket });
    for (const object of [
      STORAGE_OBJECT_DATA,
      LOCAL_FUNCTION_CALL,
      { ...STORAGE_OBJECT_DATA, generation: undefined },
      { ...STORAGE_OBJECT_DATA, bucket: 'other' },
    ])
      await post('/events/gcs', { headers: EVENTARC_STORAGE_HEADERS, payload: JSON.stringify(object) });
    const { bucket, name, generation } = STORAGE_OBJECT_DATA;
    expect(broker.log).toEqual([
      {
        topic: 'penstock.other-uploads',
        record: {
          topic: 'penstock.other-uploads',
          key: imageKey({ bucket, object: name, generation }),
          value: JSON.stringify({ v: 1, bucket, generation, object: name }),
        },
      },
    ]);
  });

  it('answers 503 when the broker does not take what is kept for datasets', async () => {
    const { post, broker } = await startIntake();
    broker.isUp = false;
    const response = await post('/events/gcs', {
      headers: EVENTARC_STORAGE_HEADERS,
      payload: JSON.stringify(STORAGE_OBJECT_DATA),
    });
    expect(response.statusCode).toBe(503);
  });

  it.each(['deleted', 'archived', 'metadataUpdated'])('acknowledges and counts the event type %s', async (type) => {
    const { post, broker, count } = await startIntake();
    const event = binaryEvent({}, { 'ce-type': `google.cloud.storage.object.v1.${type}` });
    expect((await post('/events/gcs', event)).statusCode).toBe(200);
    expect(await count('ignored_type')).toBe(1);
    expect(broker.log).toEqual([]);
  });

  it.each([
    ['a body that is no JSON', { headers: EVENTARC_STORAGE_HEADERS, payload: '{"name": ' }, 'UNPARSABLE', 'no JSON'],
    ['an empty body', { headers: EVENTARC_STORAGE_HEADERS, payload: '' }, 'UNPARSABLE', 'empty'],
    [
      'bytes that are no UTF-8',
      { headers: EVENTARC_STORAGE_HEADERS, payload: Buffer.from([0x22, 0xff, 0x22]) },
      'UNPARSABLE',
      'UTF-8',
    ],
    [
      'no CloudEvent',
      { headers: { 'content-type': 'application/json' }, payload: '{}' },
      'UNPARSABLE',
      'no CloudEvent',
    ],
    [
      'an event in Avro',
      { headers: { 'content-type': 'application/cloudevents+avro' }, payload: 'x' },
      'UNPARSABLE',
      'JSON format',
    ],
    [
      "Google's example that is no JSON",
      { headers: STRUCTURED, payload: BROKEN_PUBSUB_EVENT },
      'UNPARSABLE',
      'no JSON',
    ],
    [
      'a message that is no notification',
      { headers: STRUCTURED, payload: JSON.stringify(STRUCTURED_PUBSUB_EVENT) },
      'INVALID_EVENT',
      'eventType',
    ],
    ['a batch that is no array', { headers: BATCHED, payload: '{}' }, 'UNPARSABLE', 'array'],
    ['an event without id', binaryEvent({}, { 'ce-id': '' }), 'INVALID_EVENT', 'id'],
    ['CloudEvents 0.3', binaryEvent({}, { 'ce-specversion': '0.3' }), 'INVALID_EVENT', 'specversion'],
    ['an image without generation', binaryEvent({ generation: undefined }), 'INVALID_EVENT', 'data.generation'],
    ['a generation that a number rounds', binaryEvent({ generation: 2 ** 60 }), 'INVALID_EVENT', 'data.generation'],
    ['an image without a name', binaryEvent({ name: 7 }), 'INVALID_EVENT', 'data.name'],
    ['an image without a date', binaryEvent({ timeCreated: 'yesterday' }), 'INVALID_EVENT', 'data.timeCreated'],
    ['an image of next week', binaryEvent({ timeCreated: '2020-04-30T00:00:00Z' }), 'INVALID_EVENT', 'future'],
    ['data that is no object', { headers: EVENTARC_STORAGE_HEADERS, payload: '[1]' }, 'INVALID_EVENT', 'data'],
  ])('acknowledges %s and keeps it as a dead letter', async (_name, request, reason, detail) => {
    const { post, broker, count } = await startIntake();
    const response = await post('/events/gcs', request);
    expect(response.statusCode).toBe(200);
    const [letter] = broker.deadLetters();
    expect(letter).toMatchObject({ source: 'intake', reason, receivedAtMs: NOW });
    expect(letter?.detail).toContain(detail);
    expect(letter?.origin).toMatch(/^POST \/events\/gcs \(/);
    expect(Buffer.from(letter?.payload ?? '', letter?.payloadEncoding)).toEqual(Buffer.from(request.payload));
    expect(response.json()).toEqual({
      events: [{ outcome: 'dead_letter', id: letter?.id, reason, detail: letter?.detail }],
    });
    expect(await count('dead_letter')).toBe(1);
  });

  it.each(['', ';;;', 'nonsense', 'text/plain; ===', 'multipart/form-data'])(
    'never answers 415: the content type %j is no reason to send an event again for days',
    async (type) => {
      const { post, broker } = await startIntake();
      const response = await post('/events/gcs', { headers: { 'content-type': type }, payload: '{}' });
      expect(response.statusCode).toBe(200);
      expect(broker.deadLetters()).toHaveLength(1);
    },
  );
});
