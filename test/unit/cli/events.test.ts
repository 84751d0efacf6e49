import { expect, test } from 'vitest';
import { batchRequest, EVENT_FORMS, eventRequest } from '../../../src/cli/demo/events.js';
import { startIntake } from '../intake/rig.js';

const RESOURCE = {
  kind: 'storage#object',
  bucket: 'uploads',
  name: 'demo/a1/ü 100%.jpg',
  generation: '1700000000123456',
  timeCreated: '2026-01-31T12:00:00.123Z',
  contentType: 'image/jpeg',
  size: '1234',
};

test.each(EVENT_FORMS)(
  'intake reads the demo\'s event in the form "%s" as the object that was uploaded',
  async (form) => {
    const intake = await startIntake({}, { now: () => Date.parse(RESOURCE.timeCreated) + 1000 });
    const { path, headers, body } = eventRequest(form, RESOURCE, 'event-1');
    const answer = await intake.post(path, { headers, payload: body });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({ events: [{ outcome: 'accepted' }] });
    expect(intake.broker.events().map(({ event }) => event)).toMatchObject([
      {
        sourceId: 'event-1',
        bucket: RESOURCE.bucket,
        object: RESOURCE.name,
        generation: RESOURCE.generation,
        uploadedAtMs: Date.parse(RESOURCE.timeCreated),
        contentType: 'image/jpeg',
        sizeBytes: 1234,
      },
    ]);
  },
);

test('intake reads a batch as the objects that were uploaded, in its order', async () => {
  const intake = await startIntake({}, { now: () => Date.parse(RESOURCE.timeCreated) + 1000 });
  const names = ['a.jpg', RESOURCE.name, 'c.jpg'];
  const events = names.map((name, index) => ({ resource: { ...RESOURCE, name }, id: `event-${index}` }));
  const { path, headers, body } = batchRequest(events);
  const answer = await intake.post(path, { headers, payload: body });
  expect(answer.statusCode).toBe(200);
  expect(intake.broker.events().map(({ event }) => event)).toMatchObject(
    names.map((object, index) => ({ sourceId: `event-${index}`, object, generation: RESOURCE.generation })),
  );
});

test('headers of every form can be sent, whatever the name of the object', () => {
  for (const form of EVENT_FORMS) {
    const { headers } = eventRequest(form, { ...RESOURCE, name: 'déjà/画像\n.jpg' }, 'event-1');
    expect(() => new Headers(headers)).not.toThrow();
  }
});
