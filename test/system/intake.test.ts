import { fork, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import {
  DEAD_LETTERS_TOPIC,
  deadLetterSchema,
  imageEventSchema,
  imageEventsTopic,
  imageKey,
  type DeadLetter,
  type ImageEvent,
} from '../../src/domain/index.js';
import { startBrokerProxy, type BrokerProxy } from './brokerProxy.js';

const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
/** A bucket that does not exist: further on, these images are dead as GONE and disturb nobody. */
const BUCKET = 'intake-test';
/** A lane that the stack does not know: nobody else reads it, and nobody deletes what was read. */
const LANE = 'intake-test';
const FINALIZED = 'google.cloud.storage.object.v1.finalized';
const JSON_TYPE = { 'content-type': 'application/json' };

const { kafka: broker, intake } = inject('endpoints');
const events: { key: string | undefined; event: ImageEvent }[] = [];
const letters: DeadLetter[] = [];
const kafka = new Kafka({ clientId: 'intake-test', brokers: broker.split(','), logLevel: logLevel.NOTHING });
const groupId = `intake-test-${randomUUID()}`;
const consumer = kafka.consumer({ groupId });
const admin = kafka.admin();

/** Follows the topics and keeps what is of this test. */
beforeAll(async () => {
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: imageEventsTopic(LANE), numPartitions: 3 }], waitForLeaders: true });
  await consumer.connect();
  await consumer.subscribe({
    topics: [imageEventsTopic('bulk'), imageEventsTopic(LANE), DEAD_LETTERS_TOPIC],
    fromBeginning: true,
  });
  await consumer.run({
    eachMessage: ({ topic, message }) => {
      const value: unknown = JSON.parse(message.value?.toString() ?? '');
      if (topic === DEAD_LETTERS_TOPIC) letters.push(deadLetterSchema.parse(value));
      else {
        const event = imageEventSchema.parse(value);
        if (event.bucket === BUCKET) events.push({ key: message.key?.toString(), event });
      }
      return Promise.resolve();
    },
  });
}, 60_000);

afterAll(async () => {
  await consumer.disconnect();
  await admin.deleteGroups([groupId]);
  await admin.deleteTopics({ topics: [imageEventsTopic(LANE)] });
  await admin.disconnect();
}, 30_000);

interface Answer {
  status: number;
  retryAfter: string | null;
  outcomes: { outcome: string; id?: string }[];
}

async function post(url: string, headers: Record<string, string>, body: string): Promise<Answer> {
  const response = await fetch(url, { method: 'POST', headers, body });
  const answer = (await response.json()) as { events?: Answer['outcomes'] };
  return { status: response.status, retryAfter: response.headers.get('retry-after'), outcomes: answer.events ?? [] };
}

function resource(name: string): Record<string, unknown> {
  const generation = `${Date.now()}000`;
  const timeCreated = new Date().toISOString();
  return {
    kind: 'storage#object',
    bucket: BUCKET,
    name,
    generation,
    timeCreated,
    contentType: 'image/jpeg',
    size: '7',
  };
}

const FORMS: Record<string, (base: string, object: Record<string, unknown>) => Promise<Answer>> = {
  'binary CloudEvent': (base, object) => {
    const headers = {
      ...JSON_TYPE,
      'ce-specversion': '1.0',
      'ce-type': FINALIZED,
      'ce-source': 's',
      'ce-id': randomUUID(),
    };
    return post(`${base}/events/gcs`, headers, JSON.stringify(object));
  },
  'structured CloudEvent': (base, object) => {
    const event = { specversion: '1.0', type: FINALIZED, source: 's', id: randomUUID(), data: object };
    return post(`${base}/events/gcs`, { 'content-type': 'application/cloudevents+json' }, JSON.stringify(event));
  },
  'Pub/Sub push': (base, object) => {
    const message = {
      attributes: { eventType: 'OBJECT_FINALIZE', payloadFormat: 'JSON_API_V1' },
      data: Buffer.from(JSON.stringify(object)).toString('base64'),
      messageId: randomUUID(),
    };
    return post(`${base}/events/pubsub`, JSON_TYPE, JSON.stringify({ message, subscription: 's' }));
  },
};

/** Waits until every acknowledged id has been read from Kafka. */
async function allStored(ids: readonly (string | undefined)[]): Promise<void> {
  await vi.waitFor(() => {
    const stored = new Set<string | undefined>(events.map(({ event }) => event.id));
    expect(ids.filter((id) => !stored.has(id))).toEqual([]);
  }, 30_000);
}

const base = (): string => {
  if (intake === undefined) throw new Error('the stack runs without intake');
  return intake.replace(/\/$/, '');
};

describe('intake on a real broker', () => {
  test.each(Object.keys(FORMS))(
    'every %s that was acknowledged is in Kafka, as it was sent',
    async (form) => {
      const send = FORMS[form];
      if (!send) throw new Error(form);
      const objects = Array.from({ length: 50 }, (_, index) => resource(`${form}/${randomUUID()}/ü ${index}.jpg`));
      const answers = await Promise.all(objects.map((object) => send(base(), object)));
      for (const answer of answers) expect(answer).toMatchObject({ status: 200, outcomes: [{ outcome: 'accepted' }] });
      const ids = answers.map(({ outcomes }) => outcomes[0]?.id);
      await allStored(ids);
      objects.forEach((object, index) => {
        const stored = events.find(({ event }) => event.id === ids[index]);
        expect(stored?.event).toMatchObject({ object: object['name'], generation: object['generation'], sizeBytes: 7 });
        expect(stored?.key).toBe(stored && imageKey(stored.event));
      });
    },
    60_000,
  );

  test('an event that can never succeed is acknowledged and lies in the dead letters', async () => {
    const body = `no event ${randomUUID()}`;
    const answer = await post(`${base()}/events/pubsub`, JSON_TYPE, body);
    expect(answer).toMatchObject({ status: 200, outcomes: [{ outcome: 'dead_letter' }] });
    await vi.waitFor(() => expect(letters.map(({ payload }) => payload)).toContain(body), 30_000);
  }, 60_000);
});

describe('intake that loses its broker', () => {
  let proxy: BrokerProxy;
  let role: ChildProcess;
  let address: string;

  beforeAll(async () => {
    proxy = await startBrokerProxy(broker);
    role = fork(PROGRAM, ['intake'], {
      env: {
        PATH: process.env['PATH'],
        PENSTOCK_KAFKA_BROKERS: proxy.address,
        PENSTOCK_HTTP_PORT: '0',
        PENSTOCK_LANES: LANE,
        PENSTOCK_DEFAULT_LANE: LANE,
        PENSTOCK_EXPRESS_LANE: LANE,
        PENSTOCK_INTAKE_PRODUCE_TIMEOUT_MS: '3000',
        PENSTOCK_LOG_LEVEL: 'fatal',
      },
    });
    const [message] = (await once(role, 'message')) as [{ port: number }];
    address = `http://127.0.0.1:${message.port}`;
    await vi.waitFor(async () => expect((await fetch(`${address}/readyz`)).status).toBe(200), 20_000);
  }, 60_000);

  afterAll(async () => {
    if (role.exitCode === null) {
      role.kill('SIGTERM');
      await once(role, 'exit');
    }
    await proxy.shut();
  }, 60_000);

  test('refuses with 503 while the broker is away, accepts again when it is back, and loses nothing it acknowledged', async () => {
    const send = FORMS['binary CloudEvent'];
    if (!send) throw new Error('no such form');
    const acknowledged: (string | undefined)[] = [];
    const statuses = new Set<number>();
    const name = randomUUID();
    let sending = true;
    /** A sender that repeats every event until it is acknowledged, as Pub/Sub does. */
    const sender = async (lane: number): Promise<void> => {
      for (let index = 0; sending; index += 1) {
        const object = resource(`${name}/${lane}/${index}.jpg`);
        for (;;) {
          const answer = await send(address, object);
          statuses.add(answer.status);
          if (answer.status === 200) {
            acknowledged.push(answer.outcomes[0]?.id);
            break;
          }
          expect(answer).toMatchObject({ status: 503, retryAfter: '5' });
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
    };
    const senders = Array.from({ length: 8 }, (_, lane) => sender(lane));
    await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(100), 20_000);

    await proxy.shut();
    await vi.waitFor(() => expect(statuses).toContain(503), 20_000);
    await vi.waitFor(async () => expect((await fetch(`${address}/readyz`)).status).toBe(503), 20_000);
    expect((await fetch(`${address}/healthz`)).status).toBe(200);

    const before = acknowledged.length;
    await proxy.open();
    await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(before + 100), 30_000);
    await vi.waitFor(async () => expect((await fetch(`${address}/readyz`)).status).toBe(200), 20_000);
    sending = false;
    await Promise.all(senders);
    await allStored(acknowledged);
  }, 120_000);

  test('ends by itself on SIGTERM, with everything acknowledged that it took', async () => {
    const send = FORMS['Pub/Sub push'];
    if (!send) throw new Error('no such form');
    const name = randomUUID();
    const sent = Array.from({ length: 200 }, (_, index) =>
      send(address, resource(`${name}/${index}.jpg`)).catch(() => undefined),
    );
    await Promise.race(sent);
    role.kill('SIGTERM');
    const [code] = (await once(role, 'exit')) as [number | null];
    expect(code).toBe(0);
    const answers = await Promise.all(sent);
    const ids = answers.flatMap((answer) => (answer?.status === 200 ? [answer.outcomes[0]?.id] : []));
    expect(ids.length).toBeGreaterThan(0);
    await allStored(ids);
  }, 60_000);
});
