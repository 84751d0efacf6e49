import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Kafka, logLevel } from 'kafkajs';
import { describe, expect, inject, it } from 'vitest';
import { loadConfig } from '../../src/config/index.js';
import { imageEventsTopic } from '../../src/domain/index.js';
import { roleEnvironment } from '../../src/embedded/index.js';
import { loadModel, openSession, prepareImage, tensorLength } from '../../src/inference/model/index.js';
import { scene } from '../../src/scenes/index.js';
import { createProducer } from '../../src/stream/index.js';
import { createLogger } from '../../src/telemetry/index.js';
import { endpointsNow, eventually, imageCounts, select, uploadAll, type Uploaded } from './pipeline.js';

const shared = (path: string): string => fileURLToPath(new URL(`../../../shared/${path}`, import.meta.url));
const pictures = await Promise.all(Array.from({ length: 16 }, async (_, seed) => (await scene(seed)).jpeg));
const picture = (index: number): Buffer => pictures[index % pictures.length] ?? Buffer.alloc(0);
const named = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => ({ name: `${prefix}${index}.jpg`, bytes: picture(index) }));

describe('the path from an upload to a row', () => {
  it('detects what is uploaded, names the dead with a reason, and counts a duplicate once', async () => {
    const broken = [
      { name: 'first/empty.jpg', bytes: Buffer.alloc(0) },
      { name: 'first/text.jpg', bytes: Buffer.from('no picture at all') },
      { name: 'first/cut.jpg', bytes: picture(0).subarray(0, picture(0).length >> 1) },
    ];
    await uploadAll([...named('first/ok-', 40), ...broken], { twice: (index) => index % 5 === 0 });
    const counts = await eventually(
      () => imageCounts('first/'),
      ({ rows }) => rows === 43,
      60_000,
    );
    expect(counts).toEqual({ rows: 43, keys: 43, detected: 40, dead: 3 });
    // What was accepted is there, once and by itself, also what died.
    await eventually(
      () =>
        select(
          `SELECT count() AS uploads, uniqExact(object) AS objects, any(lane) AS lane, any(model) AS model,
             countIf((bucket, object, generation) NOT IN (SELECT bucket, object, generation FROM images)) AS unknown
           FROM uploads WHERE startsWith(object, 'first/')`,
        ),
      ([row]) => JSON.stringify(row) === '{"uploads":43,"objects":43,"lane":"bulk","model":"shapes","unknown":0}',
      30_000,
    );
    const dead = await select<{ object: string; reason: string }>(
      "SELECT object, reason FROM images WHERE startsWith(object, 'first/') AND status = 'dead' ORDER BY object",
    );
    expect(dead.map(({ object, reason }) => [object, reason])).toEqual([
      ['first/cut.jpg', 'CORRUPT_IMAGE'],
      ['first/empty.jpg', 'NOT_AN_IMAGE'],
      ['first/text.jpg', 'NOT_AN_IMAGE'],
    ]);
  });

  it('takes an express image by its own lane', async () => {
    await uploadAll(named('express/', 3), { metadata: { 'penstock-lane': 'express' } });
    await eventually(
      () => imageCounts('express/'),
      ({ detected }) => detected === 3,
      30_000,
    );
    const [row] = await select<{ workflow: string }>(
      "SELECT any(workflow_id) AS workflow FROM images WHERE startsWith(object, 'express/')",
    );
    expect(row?.workflow).toContain('penstock.image-events.express');
  });

  it('detects every new image of a topic that was deleted and made again', async () => {
    await uploadAll(named('before-topic/', 60));
    await eventually(
      () => imageCounts('before-topic/'),
      ({ detected }) => detected === 60,
      60_000,
    );
    const topic = imageEventsTopic('bulk');
    const { kafka: brokers } = await endpointsNow();
    const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const partitions = (await admin.fetchTopicOffsets(topic)).length;
    await admin.deleteTopics({ topics: [topic] });
    await eventually(
      () => admin.listTopics(),
      (topics) => !topics.includes(topic),
      30_000,
    );
    await admin.createTopics({
      topics: [{ topic, numPartitions: partitions, configEntries: [{ name: 'retention.ms', value: '-1' }] }],
    });
    await admin.disconnect();
    await uploadAll(named('after-topic/', 60));
    const counts = await eventually(
      () => imageCounts('after-topic/'),
      ({ detected }) => detected === 60,
      90_000,
    );
    expect(counts).toEqual({ rows: 60, keys: 60, detected: 60, dead: 0 });
  });
});

const MODELS = [
  {
    name: 'yolox-nano',
    expected: [
      ['dog.jpg', ['dog', 'bicycle', 'car']],
      ['bus.jpg', ['bus']],
      ['park.jpg', ['person']],
    ],
  },
  {
    name: 'fastestdet',
    expected: [
      ['dog.jpg', ['dog', 'bicycle', 'car']],
      ['bus.jpg', ['bus']],
      ['park.jpg', ['person']],
    ],
  },
] as const;
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

describe('the path with models of others', () => {
  const isHere = existsSync(shared('models')) && existsSync(shared('photos'));
  for (const { name, expected } of MODELS) {
    it.runIf(isHere)(`gives the boxes of a direct call: ${name} on real photos (needs ../shared)`, async () => {
      const modelDir = shared(`models/${name}`);
      const endpoints = await endpointsNow();
      const detector = fork(MAIN, ['detector'], {
        env: {
          ...process.env,
          ...roleEnvironment(endpoints),
          PENSTOCK_MODEL_DIR: modelDir,
          PENSTOCK_HTTP_PORT: '0',
          PENSTOCK_LOG_LEVEL: 'error',
        },
      });
      try {
        const bytes = await Promise.all(expected.map(([photo]) => readFile(shared(`photos/${photo}`))));
        const uploaded = await uploadAll(
          expected.map(([photo], index) => ({ name: `${name}/${photo}`, bytes: bytes[index] ?? Buffer.alloc(0) })),
        );
        await enqueue(uploaded, name);
        await eventually(
          () => modelCounts(name),
          (rows) => rows === expected.length,
          90_000,
        );
        for (const [index, [photo, classes]] of expected.entries()) {
          const found = await boxesOf(`${name}/${photo}`, name);
          expect([...new Set(found.map((box) => box.class))], photo).toEqual(expect.arrayContaining([...classes]));
          expect(found, photo).toEqual(await direct(modelDir, bytes[index] ?? Buffer.alloc(0)));
        }
      } finally {
        const ended = new Promise((resolve) => detector.once('exit', resolve));
        detector.kill('SIGTERM');
        await ended;
      }
    });
  }
});

/** Puts events for another model than the default one into Kafka. */
async function enqueue(images: readonly Uploaded[], model: string): Promise<void> {
  const config = loadConfig(roleEnvironment(inject('endpoints')));
  const producer = await createProducer({ config, log: createLogger('test', 'silent') });
  const now = Date.now();
  const events = images.map((image, index) => ({
    value: JSON.stringify({
      v: 1,
      id: `${model}-${now}-${index}`,
      ...image,
      uploadedAtMs: now,
      receivedAtMs: now,
      model,
    }),
  }));
  await producer.send(imageEventsTopic('bulk'), events);
  await producer.close();
}

async function modelCounts(model: string): Promise<number> {
  const [row] = await select<{ rows: number }>(
    `SELECT count() AS rows FROM images WHERE startsWith(model, '${model}@') AND status = 'detected'`,
  );
  return row?.rows ?? 0;
}

interface Box {
  class: string;
  score: number;
  box: number[];
}

async function boxesOf(object: string, model: string): Promise<Box[]> {
  const rows = await select<{
    class: string;
    score: number;
    x_min: number;
    y_min: number;
    x_max: number;
    y_max: number;
  }>(
    `SELECT class, score, x_min, y_min, x_max, y_max FROM detections
     WHERE object = '${object}' AND startsWith(model, '${model}@') ORDER BY score DESC, x_min`,
  );
  return rows.map((row) => ({
    class: row.class,
    score: rounded(row.score),
    box: [row.x_min, row.y_min, row.x_max, row.y_max].map(rounded),
  }));
}

/** The inference module called directly, in this process. */
async function direct(modelDir: string, bytes: Buffer): Promise<Box[]> {
  const model = await loadModel(modelDir);
  const session = await openSession(model, { provider: 'cpu', deviceId: 0, threads: 1 });
  const length = tensorLength(model.input);
  const tensor = model.input.type === 'float32' ? new Float32Array(length) : new Uint8Array(length);
  const prepared = await prepareImage(bytes, model.input, { maxPixels: 1e8, timeoutMs: 30_000 }, tensor);
  const detections = session.detections(await session.run(tensor, 1), 0, prepared);
  await session.close();
  return detections
    .map(({ class: name, score, xMin, yMin, xMax, yMax }) => ({
      class: name,
      score: rounded(score),
      box: [xMin, yMin, xMax, yMax].map(rounded),
    }))
    .sort((a, b) => b.score - a.score || (a.box[0] ?? 0) - (b.box[0] ?? 0));
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000;
