import { afterEach, describe, expect, it, vi } from 'vitest';
import { StreamUnavailableError } from '../../../src/stream/index.js';
import type { Metrics } from '../../../src/telemetry/index.js';
import { binaryEvent, push, startIntake } from './rig.js';

const BATCHED = { 'content-type': 'application/cloudevents-batch+json' };

/** A batch of `count` images, each in the lane that `lane` gives it. */
function batchOf(
  count: number,
  lane: (index: number) => string = () => 'bulk',
): { headers: Record<string, string>; payload: string } {
  const events = Array.from({ length: count }, (_, index) => ({
    specversion: '1.0',
    type: 'google.cloud.storage.object.v1.finalized',
    source: 's',
    id: String(index),
    data: {
      bucket: 'b',
      name: `${index}.jpg`,
      generation: '1',
      contentType: 'image/jpeg',
      timeCreated: '2020-04-23T07:00:00Z',
      metadata: { 'penstock-lane': lane(index) },
    },
  }));
  return { headers: BATCHED, payload: JSON.stringify(events) };
}

async function bufferedEvents({ registry }: Metrics): Promise<number | undefined> {
  return (await registry.getSingleMetric('penstock_intake_buffered_events')?.get())?.values[0]?.value;
}

afterEach(() => {
  vi.useRealTimers();
});

describe('acknowledgement', () => {
  it('answers only after the broker has acknowledged', async () => {
    const { post, broker } = await startIntake();
    broker.hold();
    let answered = false;
    const response = post('/events/gcs', binaryEvent()).then((reply) => {
      answered = true;
      return reply;
    });
    await vi.waitFor(() => expect(broker.batches).toHaveLength(1));
    await new Promise((resolve) => setImmediate(resolve));
    expect(answered).toBe(false);
    broker.release();
    expect((await response).statusCode).toBe(200);
  });

  it('answers 503 with Retry-After while the broker is away, and takes the same event when it is back', async () => {
    const { post, broker, count } = await startIntake();
    broker.isUp = false;
    for (const path of ['/events/gcs', '/events/pubsub']) {
      const response = await post(path, path === '/events/gcs' ? binaryEvent() : push());
      expect([response.statusCode, response.headers['retry-after']]).toEqual([503, '5']);
      expect(response.json()).toMatchObject({ error: 'unavailable_broker' });
    }
    expect((await post('/events/gcs', { headers: {}, payload: 'no event' })).statusCode).toBe(503);
    expect(await count('unavailable_broker')).toBe(3);
    expect(await count('dead_letter')).toBe(0);
    broker.isUp = true;
    expect((await post('/events/gcs', binaryEvent())).statusCode).toBe(200);
    expect(broker.log).toHaveLength(1);
  });

  it('acknowledges what it ignores even while the broker is away', async () => {
    const { post, broker } = await startIntake();
    broker.isUp = false;
    expect((await post('/events/pubsub', push({ eventType: 'OBJECT_DELETE' }))).statusCode).toBe(200);
  });

  it('answers 503 to a batch of which one event was not acknowledged', async () => {
    const { post, broker } = await startIntake();
    const send = broker.send.bind(broker);
    broker.send = (topic, records) =>
      topic.endsWith('express') ? Promise.reject(new StreamUnavailableError('no leader')) : send(topic, records);
    const response = await post(
      '/events/gcs',
      batchOf(4, (index) => (index === 3 ? 'express' : 'bulk')),
    );
    expect(response.statusCode).toBe(503);
    expect((await post('/events/gcs', batchOf(4))).statusCode).toBe(200);
  });

  it('answers 503 after PENSTOCK_INTAKE_PRODUCE_TIMEOUT_MS, and what had not left by then never leaves', async () => {
    const { post, broker, count } = await startIntake({ PENSTOCK_INTAKE_PRODUCE_TIMEOUT_MS: '100' });
    broker.hold();
    const replies = await Promise.all([
      post('/events/gcs', binaryEvent()),
      post('/events/gcs', batchOf(3)),
      post('/events/gcs', binaryEvent()),
    ]);
    expect(replies.map(({ statusCode }) => statusCode)).toEqual([503, 503, 503]);
    expect(replies[0].json()).toMatchObject({ error: 'unavailable_timeout' });
    expect(await count('unavailable_timeout')).toBe(5);
    broker.release();
    expect((await post('/events/pubsub', push())).statusCode).toBe(200);
    expect(broker.batches.map(({ size }) => size)).toEqual([1, 1]);
  });

  it('answers 503 when more events wait than PENSTOCK_INTAKE_BUFFER_EVENTS, and takes more once they are gone', async () => {
    const { post, broker, metrics } = await startIntake({ PENSTOCK_INTAKE_BUFFER_EVENTS: '3' });
    broker.hold();
    const waiting = post('/events/gcs', batchOf(3));
    await vi.waitFor(async () => expect(await bufferedEvents(metrics)).toBe(3));
    const response = await post('/events/gcs', binaryEvent());
    expect([response.statusCode, response.headers['retry-after']]).toEqual([503, '1']);
    expect(response.json()).toMatchObject({ error: 'unavailable_buffer' });
    broker.release();
    expect((await waiting).statusCode).toBe(200);
    expect(await bufferedEvents(metrics)).toBe(0);
    expect((await post('/events/gcs', binaryEvent())).statusCode).toBe(200);
  });
});

describe('produce batches', () => {
  it('take a request that is larger than the whole buffer when nothing else waits', async () => {
    const { post } = await startIntake({ PENSTOCK_INTAKE_BUFFER_EVENTS: '3' });
    expect((await post('/events/gcs', batchOf(4))).statusCode).toBe(200);
  });

  it('lets concurrent requests share one produce request while another is under way', async () => {
    const { post, broker, metrics } = await startIntake();
    broker.hold();
    const first = post('/events/gcs', binaryEvent());
    await vi.waitFor(() => expect(broker.batches).toHaveLength(1));
    const others = Array.from({ length: 50 }, () => post('/events/gcs', binaryEvent()));
    await vi.waitFor(async () => expect(await bufferedEvents(metrics)).toBe(51));
    broker.release();
    const replies = await Promise.all([first, ...others]);
    expect(replies.every(({ statusCode }) => statusCode === 200)).toBe(true);
    expect(broker.batches.map(({ size }) => size)).toEqual([1, 50]);
  });

  it('does not let one lane wait for the broker of another', async () => {
    const { post, broker } = await startIntake();
    broker.hold();
    const bulk = post('/events/gcs', batchOf(1));
    const express = post(
      '/events/gcs',
      batchOf(1, () => 'express'),
    );
    await vi.waitFor(() => expect(broker.batches).toHaveLength(2));
    broker.release();
    expect([(await bulk).statusCode, (await express).statusCode]).toEqual([200, 200]);
  });

  it('keeps a produce request below what a broker takes for one partition, in events and in bytes', async () => {
    const { post, broker } = await startIntake({ PENSTOCK_INTAKE_MAX_BODY_BYTES: '1048576' });
    const posts = await Promise.all(Array.from({ length: 3 }, () => post('/events/gcs', batchOf(900))));
    expect(posts.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200]);
    const sizes = broker.batches.map(({ size }) => size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(2_700);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_000);
    const letters = Array.from({ length: 15 }, () => ({ padding: '\u0001'.repeat(10_000) }));
    expect((await post('/events/gcs', { headers: BATCHED, payload: JSON.stringify(letters) })).statusCode).toBe(200);
    expect(broker.deadLetters()).toHaveLength(15);
    expect(broker.batches.length).toBeGreaterThan(4);
    expect(Math.max(...broker.batches.map(({ bytes }) => bytes))).toBeLessThan(1_000_000);
  });
});

describe('the watermark of the broker disk', () => {
  it('answers 503 above it, asks at most once a second, and takes events again below it', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    let used = 0.95;
    let asked = 0;
    const probeDisk = (path: string): Promise<number> => {
      expect(path).toBe('/kafka');
      asked += 1;
      return Promise.resolve(used);
    };
    const { post, broker, count } = await startIntake({ PENSTOCK_KAFKA_DISK_PATH: '/kafka' }, { probeDisk });
    for (let times = 0; times < 3; times += 1) {
      const response = await post('/events/gcs', binaryEvent());
      expect([response.statusCode, response.headers['retry-after']]).toEqual([503, '30']);
    }
    expect(asked).toBe(1);
    expect(await count('unavailable_disk')).toBe(3);
    used = 0.5;
    vi.advanceTimersByTime(1_001);
    expect((await post('/events/gcs', binaryEvent())).statusCode).toBe(200);
    expect(broker.log).toHaveLength(1);
  });

  it('sees the disk of a real folder', async () => {
    const { post, metrics } = await startIntake({ PENSTOCK_KAFKA_DISK_PATH: '/', PENSTOCK_KAFKA_DISK_WATERMARK: '1' });
    expect((await post('/events/gcs', binaryEvent())).statusCode).toBe(200);
    const used = (await metrics.registry.getSingleMetric('penstock_intake_disk_used_ratio')?.get())?.values[0]?.value;
    expect(used).toBeGreaterThan(0);
    expect(used).toBeLessThanOrEqual(1);
  });

  it('takes events when the disk can not be seen, and says so', async () => {
    const { post, lines } = await startIntake({ PENSTOCK_KAFKA_DISK_PATH: '/no/such/folder' });
    expect((await post('/events/gcs', binaryEvent())).statusCode).toBe(200);
    expect(lines.map(({ msg }) => msg)).toContain("the broker's disk can not be seen");
  });
});

describe('readiness and shutdown', () => {
  it('is not ready while the broker is away', async () => {
    const { post, broker, http, waits } = await startIntake();
    expect((await http.inject('/readyz')).statusCode).toBe(200);
    broker.isUp = false;
    await post('/events/gcs', binaryEvent());
    await vi.waitFor(() => expect(waits.get('kafka')).toContain('the broker does not answer'), 2_000);
    expect((await http.inject('/readyz')).statusCode).toBe(503);
    broker.isUp = true;
    await post('/events/gcs', binaryEvent());
    await vi.waitFor(() => expect(waits.has('kafka')).toBe(false), 2_000);
  });

  it('stops in order: takes nothing more, waits for what is under way, then closes the producer', async () => {
    const { post, broker, stop, count } = await startIntake();
    broker.hold();
    const underWay = post('/events/gcs', binaryEvent());
    await vi.waitFor(() => expect(broker.batches).toHaveLength(1));
    const stopped = stop();
    const late = await post('/events/gcs', binaryEvent());
    expect([late.statusCode, late.headers.connection]).toEqual([503, 'close']);
    const ignorable = await post('/events/pubsub', push({ eventType: 'OBJECT_DELETE' }));
    expect(ignorable.statusCode).toBe(503);
    expect(await count('unavailable_stopping')).toBe(2);
    expect(broker.isClosed).toBe(false);
    broker.release();
    expect((await underWay).statusCode).toBe(200);
    await stopped;
    expect(broker.isClosed).toBe(true);
    expect(broker.log).toHaveLength(1);
  });

  it('does not wait for a broker that hangs longer than PENSTOCK_INTAKE_PRODUCE_TIMEOUT_MS', async () => {
    const { post, broker, stop } = await startIntake({ PENSTOCK_INTAKE_PRODUCE_TIMEOUT_MS: '100' });
    broker.hold();
    const underWay = post('/events/gcs', binaryEvent());
    await vi.waitFor(() => expect(broker.batches).toHaveLength(1));
    await stop();
    expect((await underWay).statusCode).toBe(503);
    expect(broker.isClosed).toBe(true);
  });
});
