import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../embedded/rig.js';
import { binaryEvent, NOW, startIntake } from './rig.js';

/** Intake with a file of routes. */
async function startRouted(routes: string, environment: Record<string, string> = {}) {
  const file = join(await temporaryFolder(), 'routing.yaml');
  await writeFile(file, `version: 1\nroutes:\n${routes}`);
  return startIntake({ PENSTOCK_ROUTING_FILE: file, ...environment });
}

const minutesAgo = (minutes: number): string => new Date(NOW - minutes * 60_000).toISOString();

describe('what can be known to be hopeless is dead before any work', () => {
  it.each<[string, Record<string, unknown>, string, RegExp]>([
    ['no bytes', { size: '0' }, 'NOT_AN_IMAGE', /0 bytes/],
    ['more bytes than are downloaded', { size: '1001' }, 'TOO_LARGE', /1001 bytes, at most 1000/],
    ['a drawing', { name: 'a', contentType: 'image/svg+xml; charset=utf-8' }, 'UNSUPPORTED_FORMAT', /image\/svg\+xml/],
    ['a HEIC picture', { name: 'a.heic', contentType: 'IMAGE/HEIC' }, 'UNSUPPORTED_FORMAT', /IMAGE\/HEIC/],
    [
      'a Photoshop file',
      { name: 'a.psd', contentType: 'image/vnd.adobe.photoshop' },
      'UNSUPPORTED_FORMAT',
      /photoshop/,
    ],
    ['a deadline that is past', { metadata: { 'penstock-deadline': minutesAgo(1) } }, 'EXPIRED', /2020-04-23T07:59:00/],
  ])('%s', async (_, object, reason, detail) => {
    const { post, broker, count } = await startIntake({ PENSTOCK_IMAGE_MAX_BYTES: '1000' });
    const response = await post('/events/gcs', binaryEvent(object));
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({
      events: [{ outcome: 'refused', reason, detail: expect.stringMatching(detail) as unknown }],
    });
    expect([broker.events(), broker.deadLetters()]).toEqual([[], []]);
    expect(broker.results()).toMatchObject([
      {
        result: {
          ...{ bucket: 'sample-bucket', generation: '1587627537231057', model: 'shapes', status: 'dead', reason },
          ...{ uploadedAtMs: Date.parse('2020-04-23T07:38:57.230Z'), receivedAtMs: NOW, detectedAtMs: NOW },
          ...{ width: 0, height: 0, detections: [], attempts: 0, workflowId: '', runId: '' },
        },
      },
    ]);
    const [{ key, result } = { key: '', result: undefined }] = broker.results();
    expect(key).toBe(`gs://sample-bucket/${result?.object ?? ''}#1587627537231057`);
    expect(result?.detail).toMatch(detail);
    expect(await count('refused')).toBe(1);
  });

  it.each<[string, Record<string, unknown>]>([
    ['of no known size', { size: undefined }],
    ['of exactly the most bytes', { size: '1000' }],
    ['that says nothing of its content', { contentType: 'application/octet-stream', name: 'a.heic' }],
    ['of no content type', { contentType: undefined, name: 'a.bmp' }],
    ['of a type that nobody knows', { contentType: 'image/x-new-camera' }],
    ['of a type that AVIF is called too', { contentType: 'image/heif', name: 'a.heif' }],
    ['whose name is that of a picture, whatever its type', { contentType: 'image/heic', name: 'a.JPG' }],
    ['whose deadline is now', { metadata: { 'penstock-deadline': new Date(NOW).toISOString() } }],
    ['whose deadline is no time', { metadata: { 'penstock-deadline': 'yesterday' } }],
  ])('but an image %s goes on', async (_, object) => {
    const { post, broker } = await startIntake({ PENSTOCK_IMAGE_MAX_BYTES: '1000' });
    await post('/events/gcs', binaryEvent(object));
    expect(broker.events()).toHaveLength(1);
    expect(broker.results()).toEqual([]);
  });

  it('and is acknowledged only once the broker has its result', async () => {
    const { post, broker, count } = await startIntake();
    broker.isUp = false;
    expect((await post('/events/gcs', binaryEvent({ size: '0' }))).statusCode).toBe(503);
    expect(await count('refused')).toBe(0);
    broker.isUp = true;
    expect((await post('/events/gcs', binaryEvent({ size: '0' }))).statusCode).toBe(200);
    expect(broker.results()).toHaveLength(1);
  });
});

describe('the deadline of a route', () => {
  const ROUTES = '  - { bucket: sample-bucket, model: shapes, deadline: 10m }\n';

  it('goes along with the event, and the earlier one of the object before it', async () => {
    const { post, broker } = await startRouted(ROUTES);
    const timeCreated = minutesAgo(5);
    await post('/events/gcs', binaryEvent({ timeCreated }));
    await post('/events/gcs', binaryEvent({ timeCreated, metadata: { 'penstock-deadline': minutesAgo(-1) } }));
    expect(broker.events().map(({ event }) => event.deadlineMs)).toEqual([NOW + 5 * 60_000, NOW + 60_000]);
  });

  it('makes an image dead that comes after it', async () => {
    const { post, broker } = await startRouted(ROUTES);
    await post('/events/gcs', binaryEvent({ timeCreated: minutesAgo(11) }));
    expect(broker.results()).toMatchObject([{ result: { reason: 'EXPIRED' } }]);
  });
});

describe('routes at intake', () => {
  const ROUTES = `
  - { bucket: sample-bucket, prefix: cameras/, model: yolo, lane: express }
  - { bucket: sample-bucket, prefix: cameras/tests/, ignore: true }
`;

  it('send an object to its model and lane; what none wants is acknowledged, counted and goes nowhere', async () => {
    const { post, broker, count } = await startRouted(ROUTES);
    await post('/events/gcs', binaryEvent({ name: 'cameras/1.jpg' }));
    for (const object of [
      { name: 'cameras/tests/1.jpg' },
      { name: 'other.jpg' },
      { name: '1.jpg', bucket: 'others' },
    ]) {
      const response = await post('/events/gcs', binaryEvent(object));
      expect([response.statusCode, response.json()]).toEqual([200, { events: [{ outcome: 'unrouted' }] }]);
    }
    expect(broker.log).toHaveLength(1);
    expect(broker.events()).toMatchObject([
      { topic: 'penstock.image-events.express', event: { object: 'cameras/1.jpg', model: 'yolo' } },
    ]);
    expect(await count('unrouted')).toBe(3);
  });

  it('keep nothing of an object that none wants, however hopeless or old', async () => {
    const { post, broker } = await startRouted(ROUTES);
    await post('/events/gcs', binaryEvent({ name: 'a.jpg', size: '0' }));
    await post('/events/gcs', binaryEvent({ name: 'a.jpg', timeCreated: '2001-01-01T00:00:00Z' }));
    expect(broker.log).toEqual([]);
  });
});

describe('PENSTOCK_BUCKETS', () => {
  it('lets in the events of its buckets; those of others are acknowledged, counted and not stored', async () => {
    const { post, broker, count, lines } = await startIntake({ PENSTOCK_BUCKETS: 'sample-bucket,others' });
    await post('/events/gcs', binaryEvent());
    for (let times = 0; times < 50; times += 1) {
      const response = await post('/events/gcs', binaryEvent({ bucket: 'stranger', size: '0' }));
      expect([response.statusCode, response.json()]).toEqual([200, { events: [{ outcome: 'bucket_not_allowed' }] }]);
    }
    expect(broker.log).toHaveLength(1);
    expect(await count('bucket_not_allowed')).toBe(50);
    const told = lines.filter(({ bucket }) => bucket === 'stranger');
    expect(told.length).toBeGreaterThanOrEqual(1);
    expect(told.length).toBeLessThan(20);
  });
});
