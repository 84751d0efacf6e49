import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { AuditReport } from '../../src/audit/index.js';
import type { ImageReport } from '../../src/operations/index.js';
import { loadConfig } from '../../src/config/index.js';
import { imageEventsTopic } from '../../src/domain/index.js';
import { roleEnvironment } from '../../src/embedded/index.js';
import { scene } from '../../src/scenes/index.js';
import { createProducer } from '../../src/stream/index.js';
import { createLogger } from '../../src/telemetry/index.js';
import { bucketOf, endpointsNow, eventually, postEvent, uploadAll, type Uploaded } from './pipeline.js';
import { penstock } from './program.js';
import { detected, newModel, objectsOf, ScriptedDetectors } from './scriptedDetector.js';

const picture = (await scene(1)).jpeg;
const folder = `where-${randomUUID().slice(0, 8)}`;

const where = async (name: string) => {
  const { code, report } = await penstock('image', name);
  return { code, report: report as ImageReport };
};
const audit = async (...args: string[]) => {
  const { code, report } = await penstock('audit', ...args);
  return { code, report: report as AuditReport };
};
const uri = ({ bucket, object }: Uploaded): string => `gs://${bucket}/${object}`;

/** Asks until the newest generation is in a state, for a minute. */
async function untilState(name: string, state: string): Promise<{ code: number; report: ImageReport }> {
  return eventually(
    () => where(name),
    ({ report }) => report.images[0]?.state === state,
    60_000,
  );
}

/** An object in the bucket that no event tells of. */
async function uploadSilently(object: string, contentType = 'image/jpeg'): Promise<Uploaded & { timeCreated: string }> {
  const endpoints = await endpointsNow();
  const file = (await bucketOf(endpoints)).file(object);
  await file.save(picture, { resumable: false, metadata: { contentType } });
  const { generation, timeCreated = '' } = file.metadata;
  return { bucket: endpoints.bucket, object, generation: String(generation), timeCreated };
}

/** Its event, as intake would have written it if a route named that model. */
async function routeTo(model: string, image: Uploaded & { timeCreated: string }): Promise<void> {
  const config = loadConfig(roleEnvironment(inject('endpoints')));
  const producer = await createProducer({ config, log: createLogger('test', 'silent') });
  const { bucket, object, generation, timeCreated } = image;
  const uploadedAtMs = Date.parse(timeCreated);
  const event = { bucket, object, generation, uploadedAtMs, receivedAtMs: Date.now(), model };
  await producer.send(imageEventsTopic('bulk'), [{ value: JSON.stringify({ v: 1, id: randomUUID(), ...event }) }]);
  await producer.close();
}

let detectors: ScriptedDetectors;
beforeAll(async () => {
  detectors = await ScriptedDetectors.connect((await endpointsNow()).temporal);
});
afterAll(() => detectors.close());

describe('penstock image', () => {
  it('tells an object that was never received from one that is not there', async () => {
    const silent = await uploadSilently(`${folder}/sil ént#?.jpg`);
    const { code, report } = await where(uri(silent));
    expect(report).toMatchObject({ images: [], bucket: { state: 'exists', generation: silent.generation } });
    // Uploaded a moment ago: its notification may yet come.
    expect([code, report.neverReceived?.mayYetCome]).toEqual([3, true]);

    const text = await uploadSilently(`${folder}/notes.txt`, 'text/plain');
    expect((await where(uri(text))).report.neverReceived?.sentence).toContain('takes images only');

    const absent = await where(`gs://${silent.bucket}/${folder}/absent.jpg`);
    expect(absent).toMatchObject({ code: 1, report: { images: [], bucket: { state: 'absent' } } });
  });

  it('shows boxes and the time of each stage of what is detected, and the reason of what is dead', async () => {
    const [good, bad] = await uploadAll([
      { name: `${folder}/good.jpg`, bytes: picture },
      { name: `${folder}/text.jpg`, bytes: Buffer.from('no picture at all') },
    ]).then((uploaded) => uploaded.sort((a, b) => a.object.localeCompare(b.object)));
    if (!good || !bad) throw new Error('nothing was uploaded');
    const found = await untilState(uri(good), 'detected');
    expect(found.code).toBe(0);
    const [image] = found.report.images;
    expect(image).toMatchObject({ generation: good.generation, current: true, event: { waiting: null } });
    expect(image?.model).toMatch(/^shapes@/);
    expect(image?.results[0]?.boxes.length).toBeGreaterThan(0);
    const { timings } = image ?? {};
    expect(timings?.uploadToStoredSeconds).toBeGreaterThan(0);
    const times = [timings?.uploadedAt, timings?.receivedAt, timings?.detectedAt, timings?.storedAt].map(String);
    expect(times).toEqual([...times].sort());
    expect(image?.batch?.link).toContain(encodeURIComponent(image?.batch?.workflowId ?? ''));

    const dead = await untilState(uri(bad), 'dead');
    expect(dead.code).toBe(1);
    expect(dead.report.images[0]?.sentence).toContain('NOT_AN_IMAGE');
  });

  it('lists all generations, and goes by the one in the bucket', async () => {
    const old = await uploadSilently(`${folder}/again.jpg`);
    const [now] = await uploadAll([{ name: old.object, bytes: picture }]);
    await postEvent(old, { timeCreated: old.timeCreated, contentType: 'image/jpeg' });
    const { code, report } = await eventually(
      () => where(uri(old)),
      ({ report: { images } }) => images.length === 2 && images.every(({ state }) => /detected|dead/.test(state)),
      60_000,
    );
    expect(code).toBe(0);
    expect(report.images.map(({ generation, current, state }) => [generation, current, state])).toEqual([
      [now?.generation, true, 'detected'],
      [old.generation, false, 'dead'],
    ]);
    const one = await where(`${uri(old)}#${old.generation}`);
    expect(one).toMatchObject({ code: 1, report: { images: [{ generation: old.generation, state: 'dead' }] } });
    expect(one.report.images[0]?.sentence).toContain('GONE');
  });

  it('follows a picture from Kafka through its batch: what is ahead, who works on it, why it failed', async () => {
    const model = newModel();
    const image = await uploadSilently(`${folder}/slow.jpg`);
    const { pids } = await endpointsNow();
    const dispatcher = Number(pids['dispatcher']);
    process.kill(dispatcher, 'SIGSTOP');
    try {
      await routeTo(model, image);
      const { code, report } = await untilState(uri(image), 'waiting');
      expect(code).toBe(3);
      expect(report.images[0]?.event?.waiting?.aheadInPartition).toBeGreaterThanOrEqual(0);
    } finally {
      process.kill(dispatcher, 'SIGCONT');
    }
    const queued = await eventually(
      () => where(uri(image)),
      ({ report }) => report.images[0]?.batch?.pending?.state === 'scheduled',
      60_000,
    );
    expect(queued.report.images[0]).toMatchObject({ state: 'running', batch: { status: 'RUNNING' } });

    let isGood = false;
    await detectors.start(model, (input) => {
      const retry = [{ image: 0, reason: 'DOWNLOAD_FAILED' as const, detail: 'the bucket says 500' }];
      return detected(input, isGood ? {} : { retry });
    });
    const failing = await eventually(
      () => where(uri(image)),
      ({ report }) => (report.images[0]?.batch?.attempts ?? 0) > 0,
      60_000,
    );
    expect(failing.report.images[0]).toMatchObject({
      state: 'running',
      batch: { lastFailure: 'DOWNLOAD_FAILED: the bucket says 500' },
    });
    isGood = true;
    // The script says that it is detected, and publishes nothing.
    expect((await untilState(uri(image), 'storing')).code).toBe(3);
  });

  it('refuses what is no name of an image', async () => {
    await expect(where('photo.jpg')).rejects.toThrow("exit code 2: 'photo.jpg' is no image");
    await expect(where('gs://uploads')).rejects.toThrow('exit code 2');
  });
});

describe('penstock audit', () => {
  it('counts what never came and what was lost, and nothing that is on its way or was deleted', async () => {
    const prefix = `${folder}-audit/`;
    const audited = () =>
      eventually(
        () => audit('--bucket', 'uploads', '--prefix', prefix, '--since', '1h', '--grace', '1s'),
        ({ report }) => report.buckets[0]?.objects === 5,
        30_000,
      );
    await uploadAll([{ name: `${prefix}good.jpg`, bytes: picture }]);
    const [deleted] = await uploadAll([{ name: `${prefix}deleted.jpg`, bytes: picture }]);
    await untilState(uri(deleted ?? { bucket: '', object: '', generation: '' }), 'detected');
    await (await bucketOf(await endpointsNow())).file(`${prefix}deleted.jpg`).delete();
    await uploadSilently(`${prefix}notes.txt`, 'text/plain');
    const odd = await uploadSilently(`${prefix}ünknown '%41"\\ #1?.jpg`);
    const silent = await uploadSilently(`${prefix}silent.jpg`);
    const lost = await uploadSilently(`${prefix}lost.jpg`);
    const model = newModel();
    await routeTo(model, lost);
    await untilState(uri(lost), 'running');

    const first = await audited();
    expect(first.code).toBe(1);
    expect(first.report.buckets).toMatchObject([
      { received: 3, goneSince: 1, detected: 2, running: 1, notReceived: 2, notStored: 0 },
    ]);
    expect(first.report.buckets[0]?.notTaken).toEqual({ ignored_not_image: 1 });
    expect(first.report.listed.map(({ object, kind }) => [object, kind])).toEqual([
      [silent.object, 'not-received'],
      [odd.object, 'not-received'],
    ]);

    // A detector that says done and published nothing.
    const detector = await detectors.start(model, (input) => detected(input));
    for (const image of [odd, silent])
      await postEvent(image, { timeCreated: image.timeCreated, contentType: 'image/jpeg' });
    await untilState(uri(odd), 'detected');
    await untilState(uri(silent), 'detected');
    await untilState(uri(lost), 'storing');
    expect(objectsOf(detector.calls[0] ?? { images: [] })).toEqual([lost.object]);
    const second = await audited();
    expect(second.report.buckets).toMatchObject([
      { received: 5, detected: 4, running: 0, notReceived: 0, notStored: 1 },
    ]);
    expect(second.report).toMatchObject({ missing: 1, listed: [{ object: lost.object, kind: 'not-stored', model }] });

    const whole = await audit('--bucket', 'uploads', '--prefix', `${prefix}s`, '--grace', '1s');
    expect(whole).toMatchObject({
      code: 0,
      report: { missing: 0, buckets: [{ objects: 1, received: 1, detected: 1 }] },
    });
  });

  it('says which bucket can not be listed, and refuses a time that is none', async () => {
    const none = await audit('--bucket', 'no-such-bucket', '--grace', '1s');
    expect(none.code).toBe(1);
    expect(none.report.buckets[0]?.problem).toContain('missing');
    await expect(penstock('audit', '--since', 'yesterday')).rejects.toThrow('exit code 2: --since');
  });
});
