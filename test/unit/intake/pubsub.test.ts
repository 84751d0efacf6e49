import { describe, expect, it } from 'vitest';
import { NOTIFICATION_ATTRIBUTES, PUBSUB_PUSH, STORAGE_OBJECT_DATA } from './fixtures/google.js';
import { IMAGE_OBJECT, push, startIntake } from './rig.js';

const unwrappedHeaders = (attributes: Record<string, string> = {}): Record<string, string> => ({
  ...Object.fromEntries(
    Object.entries({ ...NOTIFICATION_ATTRIBUTES, ...attributes }).map(([name, value]) => [name.toLowerCase(), value]),
  ),
  'content-type': 'application/json',
  'x-goog-pubsub-subscription-name': 'projects/my-project/subscriptions/my-sub',
  'x-goog-pubsub-message-id': '2070443601311540',
  'x-goog-pubsub-publish-time': '2021-02-26T19:13:55.749Z',
});

describe('POST /events/pubsub', () => {
  it('hands a notification with its object resource to Kafka', async () => {
    const { post, broker } = await startIntake();
    const response = await post('/events/pubsub', push({}, IMAGE_OBJECT));
    expect(response.statusCode).toBe(200);
    expect(broker.events()[0]?.event).toMatchObject({
      sourceId: '136969346945',
      bucket: 'sample-bucket',
      object: 'folder/dog.jpg',
      generation: '1587627537231057',
      uploadedAtMs: Date.parse('2020-04-23T07:38:57.230Z'),
      contentType: 'image/jpeg',
    });
  });

  it('takes the time of the event for that of the upload when the notification has no payload', async () => {
    const { post, broker } = await startIntake();
    await post('/events/pubsub', push({ payloadFormat: 'NONE' }));
    const [stored] = broker.events();
    expect(stored?.key).toBe('gs://sample-bucket/folder/dog.jpg#1587627537231057');
    expect(stored?.event.uploadedAtMs).toBe(Date.parse('2020-04-23T07:38:57.302Z'));
    expect(stored?.event).not.toHaveProperty('contentType');
  });

  it('judges an object without a content type by its name', async () => {
    const { post, broker, count } = await startIntake();
    for (const objectId of ['A/B.JPEG', 'scan.tiff', 'notes.txt', 'no-extension', 'jpg']) {
      await post('/events/pubsub', push({ payloadFormat: 'NONE', objectId }));
    }
    for (const contentType of ['application/octet-stream', 'binary/octet-stream', '']) {
      await post('/events/pubsub', push({}, { ...STORAGE_OBJECT_DATA, name: 'x.webp', contentType }));
    }
    await post('/events/pubsub', push({}, { ...STORAGE_OBJECT_DATA, name: 'x.jpg', contentType: 'text/html' }));
    await post('/events/pubsub', push({}, { ...STORAGE_OBJECT_DATA, name: 'x', contentType: 'Image/PNG; q=1' }));
    expect(broker.events().map(({ event }) => event.object)).toEqual([
      'A/B.JPEG',
      'scan.tiff',
      'x.webp',
      'x.webp',
      'x.webp',
      'x',
    ]);
    expect(await count('ignored_not_image')).toBe(4);
  });

  it.each(['OBJECT_DELETE', 'OBJECT_ARCHIVE', 'OBJECT_METADATA_UPDATE'])(
    'acknowledges and counts %s',
    async (eventType) => {
      const { post, broker, count } = await startIntake();
      expect((await post('/events/pubsub', push({ eventType }, IMAGE_OBJECT))).statusCode).toBe(200);
      expect(await count('ignored_type')).toBe(1);
      expect(broker.log).toEqual([]);
    },
  );

  it('reads an unwrapped push: attributes in headers, the object as body', async () => {
    const { post, broker } = await startIntake();
    await post('/events/pubsub', { headers: unwrappedHeaders(), payload: JSON.stringify(IMAGE_OBJECT) });
    expect(broker.events()[0]?.event).toMatchObject({ sourceId: '2070443601311540', object: 'folder/dog.jpg' });
  });

  it('keeps the letters of a name that an unwrapped push without payload has in its header', async () => {
    const { post, broker } = await startIntake();
    const asHeaderBytes = Buffer.from('München/übung.jpg').toString('latin1');
    await post('/events/pubsub', { headers: unwrappedHeaders({ objectId: asHeaderBytes }), payload: '' });
    expect(broker.events()[0]?.event.object).toBe('München/übung.jpg');
  });

  it.each([
    ["Google's hello", { headers: {}, payload: JSON.stringify(PUBSUB_PUSH) }, 'INVALID_EVENT', 'eventType'],
    ['no push', { headers: {}, payload: '{"hello":1}' }, 'UNPARSABLE', 'no Pub/Sub push'],
    ['no JSON', { headers: {}, payload: 'hello' }, 'UNPARSABLE', 'no JSON'],
    [
      'attributes that are no strings',
      { headers: {}, payload: '{"message":{"attributes":{"a":1}}}' },
      'INVALID_EVENT',
      'message.attributes.a',
    ],
    ['no payload and no object', push({ objectGeneration: '' }), 'INVALID_EVENT', 'attributes.generation'],
    [
      'data that is no JSON',
      { headers: {}, payload: JSON.stringify({ message: { attributes: NOTIFICATION_ATTRIBUTES, data: 'AAAA' } }) },
      'UNPARSABLE',
      'message.data',
    ],
  ])('acknowledges %s and keeps it as a dead letter', async (_name, request, reason, detail) => {
    const { post, broker } = await startIntake();
    const response = await post('/events/pubsub', request);
    expect(response.statusCode).toBe(200);
    expect(broker.deadLetters()).toMatchObject([{ reason, payload: request.payload }]);
    expect(broker.deadLetters()[0]?.detail).toContain(detail);
  });
});
