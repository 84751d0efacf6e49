import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startStack, type Stack } from '../../src/embedded/index.js';
import { scene } from '../../src/scenes/index.js';
import { createLogger } from '../../src/telemetry/index.js';
import { startCollector, type CollectedSpan, type Collector } from '../collector.js';
import { bucketOf, endpointsNow, eventually, pushOf, uploadAll, useStack } from './pipeline.js';

let folder: string;
let stack: Stack;
let collector: Collector;

beforeAll(async () => {
  collector = await startCollector();
  folder = await mkdtemp(join(tmpdir(), 'penstock-trace-'));
  stack = await startStack({
    ...{ dataDir: folder, log: createLogger('trace', 'silent') },
    environment: {
      ...{ PENSTOCK_DETECT_CHILDREN: '1', PENSTOCK_LOG_LEVEL: 'warn' },
      ...{ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, PENSTOCK_TRACE_RATIO: '1' },
    },
  });
  useStack(folder);
});

afterAll(async () => {
  await stack.stop();
  await collector.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

const spansOf = (object: string): CollectedSpan[] => {
  const root = collector.spans.find(({ attributes }) => String(attributes['penstock.image']).includes(object));
  return root === undefined ? [] : collector.spans.filter(({ traceId }) => traceId === root.traceId);
};

const STEPS = ['receive event', 'start batch', 'detect', 'store'];

describe('the trace of an image', () => {
  it('goes from its event through Kafka, Temporal, the detector and Kafka to the insert', async () => {
    await uploadAll([{ name: 'traced.jpg', bytes: (await scene(1)).jpeg }]);
    const spans = await eventually(
      () => Promise.resolve(spansOf('traced.jpg')),
      (found) => STEPS.every((name) => found.some((span) => span.name === name)) && found.length >= 5,
      60_000,
    );
    const root = spans.find(({ parentSpanId }) => parentSpanId === '');
    expect(root).toMatchObject({ name: 'receive event', service: 'penstock-intake' });
    const services = new Set(spans.map(({ service }) => service));
    expect(services).toEqual(new Set(['penstock-intake', 'penstock-dispatcher', 'penstock-detector', 'penstock-sink']));
    for (const span of spans.filter((one) => one !== root)) expect(span.parentSpanId).toBe(root?.spanId);
    const detect = spans.find(({ name }) => name === 'detect');
    expect(detect?.attributes).toMatchObject({ 'penstock.status': 'detected' });
    expect(String(detect?.attributes['penstock.batch'])).toMatch(/^detect\//);
    // Its event and its result are rows of two tables.
    const tables = spans.filter(({ name }) => name === 'store').map((span) => span.attributes['db.collection.name']);
    expect(new Set(tables)).toEqual(new Set(['upload_events', 'image_results']));
  });

  it("goes on with the sender's", async () => {
    const endpoints = await endpointsNow();
    const file = (await bucketOf(endpoints)).file('sent.jpg');
    await file.save((await scene(2)).jpeg, { resumable: false, metadata: { contentType: 'image/jpeg' } });
    const image = { bucket: endpoints.bucket, object: 'sent.jpg', generation: String(file.metadata.generation) };
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    await fetch(`${endpoints.intake ?? ''}/events/pubsub`, {
      method: 'POST',
      body: pushOf(image, { timeCreated: new Date().toISOString(), contentType: 'image/jpeg' }),
      headers: { 'content-type': 'application/json', traceparent: `00-${traceId}-b7ad6b7169203331-01` },
    });
    await eventually(
      () => Promise.resolve(spansOf('sent.jpg')),
      (found) => found.some(({ name }) => name === 'store') && found.every((span) => span.traceId === traceId),
      60_000,
    );
  });
});
