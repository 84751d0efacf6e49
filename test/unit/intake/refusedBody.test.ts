import { expect, it } from 'vitest';
import { STRUCTURED_STORAGE_EVENT } from './fixtures/google.js';
import { binaryEvent, push, startIntake } from './rig.js';

it('is kept with the headers that say what it is, and with none that lets anybody in', async () => {
  const { post, broker } = await startIntake();
  const { headers, payload } = binaryEvent({ generation: 'none' });
  const secrets = { authorization: 'Bearer hush', cookie: 'hush', 'x-api-key': 'hush', 'x-forwarded-for': '10.0.0.1' };
  await post('/events/gcs', { headers: { ...headers, ...secrets }, payload });
  const [letter] = broker.deadLetters();
  expect(letter).toMatchObject({ payload, payloadTruncated: false });
  expect(Object.keys(letter?.headers ?? {}).sort()).toEqual(
    ['ce-id', 'ce-source', 'ce-specversion', 'ce-type', 'content-type'].sort(),
  );
  expect(letter?.headers?.['ce-type']).toBe(headers['ce-type']);
  expect(JSON.stringify(letter)).not.toContain('hush');
});

it('of a push without wrapper is kept with the attributes, which came as headers', async () => {
  const { post, broker } = await startIntake();
  const headers = { 'x-goog-pubsub-message-id': 'm1', eventtype: 'OBJECT_FINALIZE', objectid: 'a.jpg' };
  await post('/events/pubsub', { headers: { ...headers, 'x-goog-iap-jwt-assertion': 'hush' }, payload: 'no JSON' });
  expect(broker.deadLetters()).toMatchObject([
    { payload: 'no JSON', headers: { ...headers, 'content-type': 'application/octet-stream' } },
  ]);
  expect(JSON.stringify(broker.deadLetters())).not.toContain('hush');
});

it('of an event in a batch is kept as if it had come alone', async () => {
  const { post, broker } = await startIntake();
  const event = { ...STRUCTURED_STORAGE_EVENT, id: undefined };
  const headers = { 'content-type': 'application/cloudevents-batch+json' };
  await post('/events/gcs', { headers, payload: JSON.stringify([event]) });
  expect(broker.deadLetters()).toMatchObject([
    { payload: JSON.stringify(event), headers: { 'content-type': 'application/cloudevents+json' } },
  ]);
});

it('leaves no trace of headers where nothing was refused', async () => {
  const { post, broker } = await startIntake();
  await post('/events/pubsub', push());
  expect(broker.log.map(({ record }) => record.headers)).toEqual([undefined]);
});
