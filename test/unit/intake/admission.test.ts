import { describe, expect, it } from 'vitest';
import { DEAD_LETTER_PAYLOAD_BYTES } from '../../../src/domain/index.js';
import { EVENTARC_STORAGE_HEADERS } from './fixtures/google.js';
import { binaryEvent, push, startIntake } from './rig.js';

const DAY = 86_400_000;

describe('admission', () => {
  it('refuses an object that is older than the retention, keeps it as a dead letter and acknowledges', async () => {
    const uploaded = Date.parse('2020-04-23T07:38:57.230Z');
    let now = uploaded + 30 * DAY;
    const { post, broker, count } = await startIntake({ PENSTOCK_RETENTION_DAYS: '30' }, { now: () => now });
    await post('/events/gcs', binaryEvent());
    expect(broker.events()).toHaveLength(1);
    now += 1;
    const response = await post('/events/gcs', binaryEvent());
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({ events: [{ outcome: 'out_of_retention', reason: 'OUT_OF_RETENTION' }] });
    expect(broker.events()).toHaveLength(1);
    expect(broker.deadLetters()).toMatchObject([{ reason: 'OUT_OF_RETENTION' }]);
    expect(await count('out_of_retention')).toBe(1);
  });

  it('lets the metadata of an object pick a lane that is configured, and no other', async () => {
    const { post, broker } = await startIntake({ PENSTOCK_DEFAULT_MODEL: 'yolox-nano' });
    for (const lane of ['express', 'no-such-lane', 7]) {
      await post('/events/gcs', binaryEvent({ metadata: { 'penstock-lane': lane } }));
    }
    await post('/events/gcs', binaryEvent({ metadata: 'none' }));
    expect(broker.events().map(({ topic, event }) => [topic, event.model])).toEqual([
      ['penstock.image-events.express', 'yolox-nano'],
      ['penstock.image-events.bulk', 'yolox-nano'],
      ['penstock.image-events.bulk', 'yolox-nano'],
      ['penstock.image-events.bulk', 'yolox-nano'],
    ]);
  });

  it('gives every acceptance an id of its own, also when the sender repeats itself', async () => {
    const { post, broker } = await startIntake();
    await post('/events/pubsub', push());
    await post('/events/pubsub', push());
    const ids = broker.events().map(({ event }) => event.id);
    expect(new Set(ids).size).toBe(2);
  });

  it('cuts the payload of a dead letter, not inside a character', async () => {
    const { post, broker } = await startIntake();
    const payload = 'x' + 'ü'.repeat(DEAD_LETTER_PAYLOAD_BYTES / 2);
    await post('/events/gcs', { headers: EVENTARC_STORAGE_HEADERS, payload });
    await post('/events/gcs', { headers: EVENTARC_STORAGE_HEADERS, payload: Buffer.alloc(70_000, 0xff) });
    const [text, binary] = broker.deadLetters();
    expect(text).toMatchObject({ payloadEncoding: 'utf8', payloadTruncated: true });
    expect(text?.payload).toBe('x' + 'ü'.repeat(DEAD_LETTER_PAYLOAD_BYTES / 2 - 1));
    expect(binary).toMatchObject({ payloadEncoding: 'base64', payloadTruncated: true });
    expect(Buffer.from(binary?.payload ?? '', 'base64')).toEqual(Buffer.alloc(DEAD_LETTER_PAYLOAD_BYTES, 0xff));
  });

  it('keeps names as they are: quotes, spaces, percent signs, other scripts', async () => {
    const { post, broker } = await startIntake();
    const name = 'a b/"quote"\\100%/日本語/😀#1.jpg';
    await post('/events/gcs', binaryEvent({ name }));
    expect(broker.events()[0]).toMatchObject({
      key: `gs://sample-bucket/${name}#1587627537231057`,
      event: { object: name },
    });
  });

  it('cuts what is longer than its topic allows, and takes the event', async () => {
    const { post, broker } = await startIntake();
    const event = binaryEvent({ contentType: `image/${'x'.repeat(500)}` }, { 'ce-id': 'i'.repeat(500) });
    expect((await post('/events/gcs', event)).statusCode).toBe(200);
    expect(broker.events()[0]?.event.sourceId).toHaveLength(256);
    expect(broker.events()[0]?.event.contentType).toHaveLength(256);
  });
});

describe('requests that are no events', () => {
  it('answers 405 to another method and names the one', async () => {
    const { http } = await startIntake();
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const) {
      const response = await http.inject({ method, url: '/events/gcs' });
      expect([method, response.statusCode, response.headers.allow]).toEqual([method, 405, 'POST']);
    }
  });

  it('answers 404 to another path and 413 to a body that is too large', async () => {
    const { post, count, broker } = await startIntake({ PENSTOCK_INTAKE_MAX_BODY_BYTES: '1024' });
    expect((await post('/events/azure', binaryEvent())).statusCode).toBe(404);
    const response = await post('/events/gcs', binaryEvent({ etag: 'x'.repeat(1024) }));
    expect(response.statusCode).toBe(413);
    expect(await count('too_large')).toBe(1);
    expect(broker.log).toEqual([]);
  });
});
