import { pino } from 'pino';
import { describe, expect, test, vi } from 'vitest';
import { DEAD_LETTERS_TOPIC, imageEventsTopic, type DeadLetter } from '../../../src/domain/index.js';
import { sinkMetrics } from '../../../src/sink/metrics.js';
import { createSink, type SinkOptions } from '../../../src/sink/sink.js';
import type { Block, InsertOutcome } from '../../../src/sink/block.js';
import { createMetrics } from '../../../src/telemetry/index.js';
import { NO_TRACING } from '../../../src/tracing/index.js';
import { imageEvent, imageResult, seenThrough, sliceOf } from './results.js';

/** A sink whose inserts the test answers one by one. */
function rig(fields: Partial<SinkOptions> = {}) {
  const letters: DeadLetter[] = [];
  const inserts: { block: Block; answer: PromiseWithResolvers; refuse: () => void }[] = [];
  const waiting: (string | undefined)[] = [];
  const metrics = createMetrics('sink');
  const take = createSink({
    pace: {},
    fewRows: 0,
    tracing: NO_TRACING,
    insert: (block) => {
      const answer = withResolvers();
      let outcome: InsertOutcome = { kind: 'stored' };
      const refuse = (): void => {
        outcome = { kind: 'data', message: 'no' };
        answer.resolve();
      };
      inserts.push({ block, answer, refuse });
      return answer.promise.then(() => outcome);
    },
    producer: {
      send: (topic, records) => {
        expect(topic).toBe(DEAD_LETTERS_TOPIC);
        letters.push(...records.map(({ value }) => JSON.parse(value) as DeadLetter));
        return Promise.resolve();
      },
    },
    limits: { maxRows: 1_000, maxPartitions: 50 },
    retentionDays: 396,
    metrics: sinkMetrics(metrics),
    log: pino({ level: 'silent' }),
    onWaiting: (sentence) => waiting.push(sentence),
    stopping: new AbortController().signal,
    ...fields,
  });
  return { sink: seenThrough(take), letters, inserts, waiting, metrics };
}

interface PromiseWithResolvers {
  promise: Promise<void>;
  resolve: () => void;
  reject: (error: Error) => void;
}

function withResolvers(): PromiseWithResolvers {
  let resolve = (): void => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((onDone, onError) => {
    resolve = onDone;
    reject = onError;
  });
  return { promise, resolve, reject };
}

const some = (count: number): object[] => Array.from({ length: count }, (_, n) => imageResult({ object: `o${n}` }));

describe('the sink', () => {
  test('inserts at once when idle, and what arrives meanwhile from any partition makes one next block', async () => {
    const { sink, inserts } = rig();
    const first = sink(sliceOf(some(3)));
    await vi.waitFor(() => expect(inserts).toHaveLength(1));
    const others = [1, 2, 3].map((partition) => sink(sliceOf(some(10), { partition })));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(inserts.map(({ block }) => block.rows)).toEqual([3]);
    inserts[0]?.answer.resolve();
    expect(await first).toEqual({ consumed: 3 });
    await vi.waitFor(() => expect(inserts.map(({ block }) => block.rows)).toEqual([3, 30]));
    inserts[1]?.answer.resolve();
    expect(await Promise.all(others)).toEqual([{ consumed: 10 }, { consumed: 10 }, { consumed: 10 }]);
  });

  test('consumes nothing before its rows are stored, and repeats an insert whose outcome is unknown', async () => {
    const { sink, inserts, waiting } = rig();
    let consumed = false;
    const done = sink(sliceOf(some(2))).then((progress) => {
      consumed = true;
      return progress;
    });
    await vi.waitFor(() => expect(inserts).toHaveLength(1));
    inserts[0]?.answer.reject(new Error('socket hang up'));
    await vi.waitFor(() => expect(inserts).toHaveLength(2));
    expect(consumed).toBe(false);
    expect(waiting.at(-1)).toBe('socket hang up');
    inserts[1]?.answer.resolve();
    expect(await done).toEqual({ consumed: 2 });
    expect(waiting.at(-1)).toBeUndefined();
  });

  test('keeps a record that fits no schema as a dead letter, and goes on with the others', async () => {
    const { sink, inserts, letters } = rig();
    const done = sink(sliceOf([imageResult(), 'no JSON at all', imageResult({ object: 'b' })], { partition: 4 }));
    // They go as they came; once ClickHouse has refused them they are read one by one.
    await vi.waitFor(() => expect(inserts).toHaveLength(1));
    expect(inserts[0]?.block).toMatchObject({ rows: 3, data: [expect.any(Buffer)] });
    expect(String(inserts[0]?.block.data[0])).toContain('no JSON at all');
    inserts[0]?.refuse();
    await vi.waitFor(() => expect(inserts).toHaveLength(2));
    inserts[1]?.answer.resolve();
    expect(await done).toEqual({ consumed: 3 });
    expect(inserts[1]?.block.data.map((data) => typeof data)).toEqual(['string', 'string']);
    expect(letters).toMatchObject([
      { reason: 'INVALID_RECORD', origin: 'penstock.image-results/4/1', payload: 'no JSON at all' },
    ]);
  });

  test('reads the records of a small block itself: the query that reads them would cost ClickHouse more', async () => {
    const { sink, inserts, letters } = rig({ fewRows: 4 });
    const done = sink(sliceOf([imageResult(), 'no JSON at all', imageResult({ object: 'b' })]));
    await vi.waitFor(() => expect(inserts).toHaveLength(1));
    expect(inserts[0]?.block.data.map((data) => typeof data)).toEqual(['string', 'string']);
    inserts[0]?.answer.resolve();
    expect(await done).toEqual({ consumed: 3 });
    expect(letters).toMatchObject([{ reason: 'INVALID_RECORD', payload: 'no JSON at all' }]);
    void sink(sliceOf(some(4)));
    await vi.waitFor(() => expect(inserts).toHaveLength(2));
    expect(inserts[1]?.block).toMatchObject({ rows: 4, data: [expect.any(Buffer)] });
    inserts[1]?.answer.resolve();
  });

  test('a dead letter that can not be stored does not come round again', async () => {
    const letter = {
      ...{ v: 1, id: 'letter-0001', source: 'intake', reason: 'UNPARSABLE', detail: '', origin: '/events/gcs' },
      ...{ payload: '', payloadEncoding: 'utf8', payloadTruncated: false, receivedAtMs: Date.now() },
    };
    const { sink, letters, metrics } = rig({ insert: () => Promise.resolve({ kind: 'data', message: 'no' }) });
    expect(await sink(sliceOf(['garbage', letter], { topic: DEAD_LETTERS_TOPIC }))).toEqual({ consumed: 2 });
    expect(letters).toEqual([]);
    const text = await metrics.registry.metrics();
    expect(text).toMatch(/penstock_sink_refused_total\{reason="INVALID_RECORD",role="sink"\} 1/);
    expect(text).toMatch(/penstock_sink_refused_total\{reason="ROW_REFUSED",role="sink"\} 1/);
  });

  test('counts an event that fits no row, and makes no second dead letter of it', async () => {
    const { sink, inserts, letters, metrics } = rig();
    const old = imageEvent({ uploadedAtMs: Date.now() - 400 * 86_400_000 });
    const done = sink(sliceOf(['no JSON at all', imageEvent(), old], { topic: imageEventsTopic('bulk') }));
    await vi.waitFor(() => expect(inserts).toHaveLength(1));
    inserts[0]?.answer.resolve();
    expect(await done).toEqual({ consumed: 3 });
    expect(inserts[0]?.block).toMatchObject({ rows: 1, target: { table: 'upload_events' } });
    expect(letters).toEqual([]);
    const text = await metrics.registry.metrics();
    expect(text).toMatch(/penstock_sink_skipped_events_total\{reason="INVALID_RECORD",role="sink"\} 1/);
    expect(text).toMatch(/penstock_sink_skipped_events_total\{reason="OUT_OF_RETENTION",role="sink"\} 1/);
  });

  test('results never wait for the insert of a flood of events', async () => {
    const { sink, inserts, waiting } = rig();
    const events = sink(sliceOf([imageEvent()], { topic: imageEventsTopic('bulk') }));
    await vi.waitFor(() => expect(inserts).toHaveLength(1));
    const results = sink(sliceOf(some(3)));
    await vi.waitFor(() => expect(inserts).toHaveLength(2));
    inserts[0]?.answer.reject(new Error('upload_events is away'));
    inserts[1]?.answer.resolve();
    expect(await results).toEqual({ consumed: 3 });
    // What waits still says so, though another table was written.
    expect(waiting.at(-1)).toBe('upload_events is away');
    await vi.waitFor(() => expect(inserts).toHaveLength(3));
    inserts[2]?.answer.resolve();
    expect(await events).toEqual({ consumed: 1 });
    expect(waiting.at(-1)).toBeUndefined();
  });

  test('a slice whose partition is lost is let go while ClickHouse is away, and its rows are not inserted later', async () => {
    const { sink, inserts } = rig();
    const first = sink(sliceOf(some(1)));
    await vi.waitFor(() => expect(inserts).toHaveLength(1));
    const lost = new AbortController();
    const second = sink(sliceOf(some(5), { partition: 1, signal: lost.signal }));
    lost.abort();
    expect(await second).toEqual({ consumed: 0 });
    const third = sink(sliceOf(some(2), { partition: 2 }));
    inserts[0]?.answer.resolve();
    await first;
    await vi.waitFor(() => expect(inserts.map(({ block }) => block.rows)).toEqual([1, 2]));
    inserts[1]?.answer.resolve();
    await third;
  });

  test('stops repeating when the role stops', async () => {
    const stopping = new AbortController();
    const { sink } = rig({ insert: () => Promise.reject(new Error('away')), stopping: stopping.signal });
    const done = sink(sliceOf(some(1)));
    stopping.abort(new Error('role is stopping'));
    await expect(done).rejects.toThrow();
  });
});
