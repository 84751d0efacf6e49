import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.js';
import {
  DEAD_LETTERS_TOPIC,
  IMAGE_RESULTS_TOPIC,
  imageEventsTopic,
  type DeadLetter,
  type ImageEvent,
  type ImageResult,
} from '../../src/domain/index.js';
import { roleEnvironment } from '../../src/embedded/index.js';
import { createProducer, deadLetter, recordDeadLetter, type StreamProducer } from '../../src/stream/index.js';
import { createLogger, createMetrics } from '../../src/telemetry/index.js';
import { endpointsNow, eventually, select } from './pipeline.js';
import { penstock } from './program.js';

/** A bucket that does not exist: its images are dead as GONE and disturb nobody. */
const BUCKET = 'dead-letters';
const RUN = Date.now();
const SINCE = new Date(RUN).toISOString();
const FINALIZED = 'google.cloud.storage.object.v1.finalized';
const EVENTS = imageEventsTopic('bulk');

interface Listed {
  id: string;
  kind: string;
  reason: string;
  state: string;
  origin: string;
}

let producer: StreamProducer;

beforeAll(async () => {
  const config = loadConfig({ ...roleEnvironment(await endpointsNow()) });
  producer = await createProducer({ config, log: createLogger('test', 'silent'), metrics: createMetrics('test') });
});
afterAll(async () => {
  // What is left open would be in the status of the tests after this one.
  await penstock('dead', 'discard', '--since', SINCE, '--why', 'end of the test');
  await producer.close();
});

async function ls(...args: string[]): Promise<{ letters: Listed[]; next: string | null }> {
  return (await penstock('dead', 'ls', '--since', SINCE, ...args)).report as Awaited<ReturnType<typeof ls>>;
}
/** Waits for the one letter that holds to a condition of the table, and finds it in a list. */
async function listed(condition: string, ...args: string[]): Promise<Listed> {
  const [row] = await eventually(
    () => select<{ id: string }>(`SELECT id FROM dead_letters WHERE ${condition}`),
    ({ length }) => length === 1,
    60_000,
  );
  const letter = (await ls(...args)).letters.find(({ id }) => id === row?.id);
  if (letter === undefined) throw new Error(`${row?.id ?? ''} is not in the list`);
  return letter;
}
const show = async (id: string) =>
  (await penstock('dead', 'show', id)).report as {
    letter: Listed & Record<string, unknown>;
    decisions: Record<string, unknown>[];
  };

/** A letter as an earlier release may have left it, whose content this one takes. */
async function leave(...letters: DeadLetter[]): Promise<string[]> {
  const ids = letters.map(({ id }) => id);
  await producer.send(
    DEAD_LETTERS_TOPIC,
    letters.map((letter) => ({ key: letter.id, value: JSON.stringify(letter) })),
  );
  await eventually(
    () => select(`SELECT id FROM dead_letters WHERE id IN ('${ids.join("', '")}')`),
    ({ length }) => length === ids.length,
    60_000,
  );
  return ids;
}
/** Replays a letter twice, the second time in spite of the decision. */
async function replayTwice(id: string, to: string, between?: () => Promise<unknown>): Promise<void> {
  const once = { counts: { replayed: 1 }, letters: [{ id, outcome: 'replayed', to: [to] }] };
  expect(await penstock('dead', 'replay', id, '--why', 'first')).toMatchObject({ code: 0, report: once });
  await between?.();
  expect(await penstock('dead', 'replay', id)).toMatchObject({ code: 1, report: { counts: { not_open: 1 } } });
  expect(await penstock('dead', 'replay', id, '--again', '--why', 'second')).toMatchObject({ code: 0, report: once });
}

const resource = (name: string): Record<string, unknown> => ({
  ...{ bucket: BUCKET, name, generation: '1', contentType: 'image/jpeg', size: '1000', timeCreated: SINCE },
});
const ceHeaders = (id: string): Record<string, string> => ({
  ...{ 'content-type': 'application/json', 'ce-specversion': '1.0', 'ce-type': FINALIZED, 'ce-source': 's' },
  'ce-id': id,
});
const event = (object: string): ImageEvent => ({
  ...{ v: 1, id: randomUUID(), bucket: BUCKET, object, generation: '1', model: 'shapes' },
  ...{ uploadedAtMs: RUN, receivedAtMs: RUN },
});
const result = (object: string, name: string): ImageResult => ({
  ...{ v: 1, bucket: BUCKET, object, generation: '1', model: 'letters@0123456789ab', status: 'detected' },
  ...{ width: 10, height: 10, uploadedAtMs: RUN, receivedAtMs: RUN, detectedAtMs: RUN, attempts: 1 },
  detections: [{ class: name, score: 0.9, xMin: 0, yMin: 0, xMax: 1, yMax: 1 }],
  ...{ workflowId: 'w', runId: 'r' },
});

/** Rows of an object that an analyst sees. */
const rowsOf = (object: string): Promise<{ shown: number }[]> =>
  select(`SELECT count() AS shown FROM images WHERE bucket = '${BUCKET}' AND object = '${object}'`);
/** Where the latest record of an object lies in its partition; the table keeps no earlier one. */
const latestOffset = async (object: string): Promise<number> => {
  const [row] = await select<{ latest: string | null }>(
    `SELECT maxOrNull(record_offset) AS latest FROM upload_events WHERE bucket = '${BUCKET}' AND object = '${object}'`,
  );
  return Number(row?.latest ?? -1);
};

describe('a dead letter', () => {
  it('of a body has it as it came, without credentials, and goes through intake again', async () => {
    const { intake } = await endpointsNow();
    const body = JSON.stringify({ ...resource(`refused-${RUN}.jpg`), generation: 'none' });
    const headers = { ...ceHeaders(`body-${RUN}`), authorization: 'Bearer hush-hush' };
    await fetch(`${intake ?? ''}/events/gcs`, { method: 'POST', headers, body });
    const { id } = await listed(
      `source = 'intake' AND position(origin, 'id body-${RUN}') > 0`,
      ...['--kind', 'body', '--reason', 'INVALID_EVENT'],
    );
    const whole = await show(id);
    expect(whole).toMatchObject({
      letter: { id, kind: 'body', state: 'open', payload: body, headers: ceHeaders(`body-${RUN}`), record_key: null },
      decisions: [],
    });
    expect(JSON.stringify(whole)).not.toContain('hush');
    expect(await penstock('dead', 'replay', id)).toMatchObject({
      code: 1,
      report: { letters: [{ id, outcome: 'refused_again', why: expect.stringMatching(/^INVALID_EVENT/) as string }] },
    });
    expect((await show(id)).letter.state).toBe('open');

    const object = `body-${RUN}.jpg`;
    const [given = ''] = await leave(
      deadLetter({
        ...{ id: randomUUID(), source: 'intake', reason: 'INVALID_EVENT', detail: 'of an earlier release' },
        ...{ origin: `POST /events/gcs (binary ${FINALIZED}, id x)`, headers: ceHeaders('x') },
        ...{ payload: Buffer.from(JSON.stringify(resource(object))), receivedAtMs: RUN },
      }),
    );
    expect(await penstock('dead', 'replay', given, '--dry-run')).toMatchObject({
      code: 0,
      report: { dryRun: true, letters: [{ id: given, outcome: 'chosen', to: [EVENTS] }] },
    });
    let first = -1;
    await replayTwice(given, EVENTS, async () => {
      first = await eventually(
        () => latestOffset(object),
        (offset) => offset >= 0,
        60_000,
      );
    });
    expect((await show(given)).decisions).toMatchObject([
      { decision: 'replayed', why: 'second', who: expect.stringMatching(/.@./) as string },
      { decision: 'replayed', why: 'first' },
    ]);
    await eventually(
      () => latestOffset(object),
      (offset) => offset > first,
      60_000,
    );
    await eventually(
      () => rowsOf(object),
      ([row]) => row?.shown === 1,
      60_000,
    );
  });

  it('of a record has its key and headers, and goes back to its topic', async () => {
    const key = `junk-${RUN}`;
    const headers = { trace: 'abc', 'x-auth-token': 'hush-hush' };
    await producer.send(EVENTS, [{ key, value: '{"v":1}', headers }]);
    const { id } = await listed(`record_key = '${key}'`, '--kind', 'record', '--topic', EVENTS);
    expect((await show(id)).letter).toMatchObject({ payload: '{"v":1}', record_key: key, headers: { trace: 'abc' } });
    expect(await penstock('dead', 'replay', id)).toMatchObject({ code: 1, report: { counts: { refused_again: 1 } } });

    const object = `record-${RUN}.jpg`;
    const value = Buffer.from(JSON.stringify(event(object)));
    const [given = ''] = await leave(
      recordDeadLetter(
        { origin: `${EVENTS}/0/4711`, value, timestampMs: RUN, key: `${BUCKET}/${object}` },
        { source: 'dispatcher', reason: 'INVALID_RECORD', detail: 'of an earlier release' },
      ),
    );
    await replayTwice(given, EVENTS);
    await eventually(
      () => rowsOf(object),
      ([row]) => row?.shown === 1,
      60_000,
    );
  });

  it('of a row goes back to the results, is one row, and a new letter where ClickHouse refuses it again', async () => {
    // JSON may hold half of a surrogate pair; ClickHouse does not take it.
    const value = JSON.stringify(result(`half-${RUN}.jpg`, 'half\ud800'));
    await producer.send(IMAGE_RESULTS_TOPIC, [{ key: `half-${RUN}`, value }]);
    const rows = ['--kind', 'row', '--topic', IMAGE_RESULTS_TOPIC];
    const { id } = await listed(`record_key = 'half-${RUN}'`, ...rows);
    expect(await penstock('dead', 'replay', id)).toMatchObject({ code: 0, report: { counts: { replayed: 1 } } });
    const next = await listed(`record_key = 'half-${RUN}' AND id != '${id}'`, ...rows);
    expect((await show(next.id)).letter).toMatchObject({
      ...{ payload: value, record_key: `half-${RUN}` },
      headers: { 'penstock-dead-letter': id },
    });

    const object = `row-${RUN}.jpg`;
    const [given = ''] = await leave(
      recordDeadLetter(
        {
          origin: `${IMAGE_RESULTS_TOPIC}/0/4711`,
          value: Buffer.from(JSON.stringify(result(object, 'dog'))),
          timestampMs: RUN,
        },
        { source: 'sink', reason: 'ROW_REFUSED', detail: 'of a day on which the table was full' },
      ),
    );
    await replayTwice(given, IMAGE_RESULTS_TOPIC);
    await eventually(
      () => rowsOf(object),
      ([row]) => row?.shown === 1,
      60_000,
    );
  });

  it('is paged through, and is listed no more once somebody has discarded it, by whom and why', async () => {
    const ids = await leave(
      ...[0, 1, 2].map((n) =>
        recordDeadLetter(
          { origin: `nobody-reads-${RUN}/0/${n}`, value: Buffer.from('{}'), timestampMs: RUN + 1_000 },
          { source: 'dispatcher', reason: 'INVALID_RECORD', detail: 'paged' },
        ),
      ),
    );
    const topic = ['--topic', `nobody-reads-${RUN}`];
    const paged: string[] = [];
    let cursor: string | null = null;
    for (let pages = 0; pages < 2; pages += 1) {
      const page = await ls(...topic, '--limit', '2', ...(cursor === null ? [] : ['--cursor', cursor]));
      paged.push(...page.letters.map(({ id }) => id));
      cursor = page.next;
    }
    expect([paged, cursor]).toEqual([ids.toSorted().toReversed(), null]);
    expect(await penstock('dead', 'replay', ...topic)).toMatchObject({ code: 1, report: { counts: { not_sent: 3 } } });

    const [first = '', ...others] = ids;
    await expect(penstock('dead', 'discard', first)).rejects.toThrow('--why');
    const discarded = await penstock('dead', 'discard', first, 'no-such-letter', '--why', 'a test of an old client');
    expect(discarded).toMatchObject({ code: 1, report: { counts: { discarded: 1, not_found: 1 } } });
    expect((await ls(...topic)).letters.map(({ id }) => id)).toEqual(others.toSorted().toReversed());
    expect((await ls(...topic, '--state', 'discarded')).letters.map(({ id }) => id)).toEqual([first]);
    expect((await ls(...topic, '--all')).letters).toHaveLength(3);
    expect(await show(first)).toMatchObject({
      letter: { state: 'discarded' },
      decisions: [
        {
          ...{ decision: 'discarded', why: 'a test of an old client' },
          who: expect.stringMatching(/.@./) as string,
        },
      ],
    });
    const status = async () => (await penstock('status')).report as { deadLetters: Record<string, number> };
    const before = (await status()).deadLetters['INVALID_RECORD'] ?? 0;
    expect(await penstock('dead', 'discard', ...topic, '--why', 'the others')).toMatchObject({
      code: 0,
      report: { counts: { discarded: 2 } },
    });
    expect((await status()).deadLetters['INVALID_RECORD'] ?? 0).toBe(before - 2);
  });
});
