import { randomUUID } from 'node:crypto';
import { describe, expect, inject, it } from 'vitest';
import { scene } from '../../src/scenes/index.js';
import { bucketOf, endpointsNow, eventually, imageCounts, postEvent, select, uploadAll } from './pipeline.js';

/** Whatever is posted to the real intake: the answer, what is kept of it in ClickHouse, and that others go on. */

const FINALIZED = 'google.cloud.storage.object.v1.finalized';
const RUN = randomUUID().slice(0, 8);
const { jpeg } = await scene(1);

interface Outcome {
  outcome: string;
  id?: string;
  reason?: string;
  detail?: string;
}

interface Posted {
  status: number;
  outcomes: Outcome[];
}

async function post(path: string, headers: Record<string, string>, body: string | Buffer): Promise<Posted> {
  const base = inject('endpoints').intake ?? '';
  const response = await fetch(`${base}${path}`, { method: 'POST', headers, body });
  const answer = (await response.json()) as { events?: Outcome[] };
  return { status: response.status, outcomes: answer.events ?? [] };
}

const resource = (fields: Record<string, unknown> = {}): Record<string, unknown> => ({
  bucket: `no-such-bucket-${RUN}`,
  name: `${randomUUID()}.jpg`,
  generation: '1700000000000001',
  timeCreated: new Date().toISOString(),
  contentType: 'image/jpeg',
  size: '7',
  ...fields,
});
const binary = (body: string | Buffer, type = FINALIZED): Promise<Posted> =>
  post(
    '/events/gcs',
    {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-type': type,
      'ce-source': 's',
      'ce-id': randomUUID(),
    },
    body,
  );
const event = (data: unknown, fields: Record<string, unknown> = {}): Record<string, unknown> => ({
  ...{ specversion: '1.0', type: FINALIZED, source: 's', id: randomUUID(), data },
  ...fields,
});
const batched = (body: string): Promise<Posted> =>
  post('/events/gcs', { 'content-type': 'application/cloudevents-batch+json' }, body);
const push = (message: unknown): Promise<Posted> =>
  post('/events/pubsub', { 'content-type': 'application/json' }, JSON.stringify({ message, subscription: 's' }));
const notification = (data: unknown, fields: Record<string, unknown> = {}): Record<string, unknown> => ({
  messageId: randomUUID(),
  attributes: { eventType: 'OBJECT_FINALIZE', payloadFormat: 'JSON_API_V1' },
  data: Buffer.from(JSON.stringify(data)).toString('base64'),
  ...fields,
});
/** Arrays in arrays, 100,000 levels of them. */
const DEEP = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;

/** Fields of an object resource that no image has, each with the reason for which its event is kept. */
const FIELDS: [string, Record<string, unknown>, string][] = [
  ...['../x', 'a/b', '', 'b'.repeat(300), 7, null, ['b'], '..', 'a\0b'].map(
    (bucket): [string, Record<string, unknown>, string] => ['bucket', { bucket }, 'INVALID_EVENT'],
  ),
  ...['', 7, null, ['a.jpg'], 'a\ud800.jpg', '\udc00', '..', '.', 'x'.repeat(1_025)].map(
    (name): [string, Record<string, unknown>, string] => ['name', { name }, 'INVALID_EVENT'],
  ),
  ...['-1', -1, '1.5', 1.5, 1e300, '9223372036854775808', '99999999999999999999', 'abc', '', null, {}].map(
    (generation): [string, Record<string, unknown>, string] => ['generation', { generation }, 'INVALID_EVENT'],
  ),
  ...['9999-12-31T23:59:59Z', '+275760-09-13T00:00:00Z', 'yesterday', '', 7, null, '2026-02-30T00:00:00Z'].map(
    (timeCreated): [string, Record<string, unknown>, string] => ['timeCreated', { timeCreated }, 'INVALID_EVENT'],
  ),
  ['timeCreated', { timeCreated: '0001-01-01T00:00:00Z' }, 'OUT_OF_RETENTION'],
  ['timeCreated', { timeCreated: '1969-12-31T23:59:59Z' }, 'OUT_OF_RETENTION'],
  ...['-1', 1.5, {}, 'large'].map((size): [string, Record<string, unknown>, string] => [
    'size',
    { size },
    'INVALID_EVENT',
  ]),
];

/** Whole requests that hold no event that can succeed. */
const REQUESTS: [string, () => Promise<Posted>, string][] = [
  ['no JSON', () => binary('{"bucket": '), 'UNPARSABLE'],
  ['no bytes', () => binary(''), 'UNPARSABLE'],
  ['no UTF-8', () => binary(Buffer.from([0x7b, 0xff, 0xfe, 0x7d])), 'UNPARSABLE'],
  ['null', () => binary('null'), 'INVALID_EVENT'],
  ['an array', () => binary('[]'), 'INVALID_EVENT'],
  ['a number', () => binary('7'), 'INVALID_EVENT'],
  ['nested deep', () => binary(DEEP), 'INVALID_EVENT'],
  ['a batch nested deep', () => batched(`[${DEEP.slice(0, -2)}]]]`), 'UNPARSABLE'],
  ['a batch that is none', () => batched('{}'), 'UNPARSABLE'],
  ['an event without fields', () => batched('[{}]'), 'INVALID_EVENT'],
  [
    'an event whose id is half a character',
    () => batched(JSON.stringify([event(resource({ generation: 'x' }), { id: 'a\ud83d' })])),
    'INVALID_EVENT',
  ],
  ['a push without message', () => push(undefined), 'UNPARSABLE'],
  ['a push of null', () => push(null), 'UNPARSABLE'],
  ['a message with a number for an id', () => push(notification(resource(), { messageId: 7 })), 'INVALID_EVENT'],
  ['a message with attributes in a list', () => push(notification(resource(), { attributes: ['a'] })), 'INVALID_EVENT'],
  ['a message without attributes', () => push(notification(resource(), { attributes: {} })), 'INVALID_EVENT'],
  ['a message whose data is no JSON', () => push(notification(0, { data: 'bm8gSlNPTg==' })), 'UNPARSABLE'],
  ['a message that tells nothing', () => push(notification(0, { data: '' })), 'INVALID_EVENT'],
];

interface Letter {
  id: string;
  reason: string;
  detail: string;
  payload: string;
}

async function lettersOf(ids: readonly string[]): Promise<Map<string, Letter>> {
  const letters = await select<Letter>(
    `SELECT id, reason, detail, payload FROM dead_letters WHERE source = 'intake' AND id IN ('${ids.join("','")}')`,
  );
  return new Map(letters.map((letter) => [letter.id, letter]));
}

describe('whatever is posted', () => {
  it('is acknowledged and kept with its reason when it can never succeed, and pictures beside it are detected', async () => {
    const prefix = `posted-${RUN}/`;
    const good = uploadAll(Array.from({ length: 8 }, (_, index) => ({ name: `${prefix}${index}.jpg`, bytes: jpeg })));
    const sent = await Promise.all([
      ...FIELDS.map(async ([field, fields, reason], index) => {
        const body = resource(fields);
        const posted = await (index % 2 === 0 ? binary(JSON.stringify(body)) : push(notification(body)));
        return { name: `${field} ${JSON.stringify(Object.values(fields)[0])}`, field, posted, reason };
      }),
      ...REQUESTS.map(async ([name, send, reason]) => ({ name, field: '', posted: await send(), reason })),
    ]);
    for (const { name, posted, reason } of sent)
      expect([name, posted.status, posted.outcomes[0]?.reason]).toEqual([name, 200, reason]);
    const ids = sent.map(({ posted }) => posted.outcomes[0]?.id ?? '');
    const letters = await eventually(
      () => lettersOf(ids),
      ({ size }) => size === ids.length,
      60_000,
    );
    for (const [index, { name, field, reason }] of sent.entries()) {
      const letter = letters.get(ids[index] ?? '');
      expect([name, letter?.reason]).toEqual([name, reason]);
      if (reason === 'INVALID_EVENT') expect([name, letter?.detail]).toEqual([name, expect.stringContaining(field)]);
      if (field !== '') expect(letter?.payload.length).toBeGreaterThan(50);
    }
    await good;
    await eventually(
      () => imageCounts(prefix),
      ({ detected }) => detected === 8,
      60_000,
    );
  });

  it('is taken event by event in a batch, and each kind of another type is let go', async () => {
    const elements = [
      event(resource()),
      event(resource({ generation: -1 })),
      event(resource(), { type: 'google.cloud.storage.object.v1.deleted' }),
      null,
      event(resource({ metadata: { a: { b: ['c'] } } })),
    ];
    const { status, outcomes } = await batched(JSON.stringify(elements));
    expect([status, outcomes.map(({ outcome }) => outcome)]).toEqual([
      200,
      ['accepted', 'dead_letter', 'ignored_type', 'dead_letter', 'accepted'],
    ]);
    const types = ['deleted', 'archived', 'metadataUpdated'].map((type) => `google.cloud.storage.object.v1.${type}`);
    const others = await Promise.all([
      ...types.map((type) => binary(JSON.stringify(resource()), type)),
      ...['OBJECT_DELETE', 'OBJECT_ARCHIVE', 'OBJECT_METADATA_UPDATE'].map((eventType) =>
        push(notification(resource(), { attributes: { eventType } })),
      ),
    ]);
    for (const { status: answered, outcomes: told } of others)
      expect([answered, told]).toEqual([200, [{ outcome: 'ignored_type' }]]);
  });

  it('counts once however often and in whatever order it comes, and is GONE for a bucket that is not there', async () => {
    const prefix = `order-${RUN}/`;
    const endpoints = await endpointsNow();
    const file = (await bucketOf(endpoints)).file(`${prefix}x.jpg`);
    const generations: string[] = [];
    for (const { jpeg: bytes } of [await scene(3), await scene(4)]) {
      await file.save(bytes, { resumable: false, contentType: 'image/jpeg' });
      generations.push(String(file.metadata.generation));
    }
    const [older = '', newer = ''] = generations;
    const timeCreated = new Date().toISOString();
    for (const generation of [newer, older, newer, newer, older])
      await postEvent(
        { bucket: endpoints.bucket, object: `${prefix}x.jpg`, generation },
        { timeCreated, contentType: 'image/jpeg' },
      );
    await postEvent(
      { bucket: `nobody-${RUN}`, object: `${prefix}x.jpg`, generation: '1' },
      { timeCreated, contentType: 'image/jpeg' },
    );
    const found = (): Promise<{ generation: string; status: string; reason: string }[]> =>
      select(
        `SELECT toString(generation) AS generation, status, reason FROM images
         WHERE startsWith(object, '${prefix}') ORDER BY images.generation`,
      );
    await eventually(found, ({ length }) => length >= 3, 60_000);
    expect(await found()).toEqual([
      { generation: '1', status: 'dead', reason: 'GONE' },
      { generation: older, status: 'dead', reason: 'GONE' },
      { generation: newer, status: 'detected', reason: '' },
    ]);
  });
});
