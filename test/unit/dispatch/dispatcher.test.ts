import { describe, expect, it } from 'vitest';
import type { BatchToStart, StartOutcome } from '../../../src/client/index.js';
import { laneDispatcher, type LaneDispatcherOptions } from '../../../src/dispatch/dispatcher.js';
import { dispatchMetrics } from '../../../src/dispatch/metrics.js';
import { Window } from '../../../src/dispatch/window.js';
import { imageResultSchema, type ImageEvent, type OpenBreaker } from '../../../src/domain/index.js';
import type { OutgoingRecord, Progress, StreamRecord } from '../../../src/stream/index.js';
import { NO_TRACING } from '../../../src/tracing/index.js';
import { createLogger, createMetrics } from '../../../src/telemetry/index.js';

const TOPIC = 'penstock.image-events.bulk';

function record(offset: number, event: Partial<ImageEvent> | string = {}): StreamRecord {
  const value: ImageEvent = {
    v: 1,
    id: `event-id-${String(offset).padStart(8, '0')}`,
    bucket: 'uploads',
    object: `image-${offset}.jpg`,
    generation: '1',
    uploadedAtMs: 1,
    receivedAtMs: 2,
    model: 'shapes',
    ...(typeof event === 'string' ? {} : event),
  };
  const text = typeof event === 'string' ? event : JSON.stringify(value);
  return { offset: BigInt(offset), key: null, value: Buffer.from(text), timestampMs: 3 };
}

const records = (from: number, to: number, event: Partial<ImageEvent> = {}): StreamRecord[] =>
  Array.from({ length: to - from }, (_, index) => record(from + index, event));

const breaker = (bucket: string): OpenBreaker => ({
  ...{ bucket, model: 'shapes', reason: 'FORBIDDEN', detail: '403', failing: 20, of: 20, openedAtMs: 0, probes: 0 },
});

/** A stand-in for Temporal that keeps its documented promise: one execution for each id, refused ones leave none. */
class Starts {
  readonly executions = new Map<string, BatchToStart>();
  readonly closers = new Map<string, () => void>();
  refuseAbove = Infinity;

  start(batch: BatchToStart): Promise<StartOutcome> {
    const existing = this.executions.get(batch.workflowId);
    if (existing) return Promise.resolve({ kind: 'exists', memo: existing.memo });
    if (batch.input.images.length > this.refuseAbove) return Promise.resolve({ kind: 'refused', message: 'too large' });
    this.executions.set(batch.workflowId, batch);
    return Promise.resolve({ kind: 'started' });
  }

  get images(): string[] {
    return [...this.executions.values()].flatMap(({ input }) => input.images.map(([, object]) => object));
  }
}

function setUp(overrides: Partial<LaneDispatcherOptions> = {}) {
  const starts = new Starts();
  const sent: { topic: string; records: readonly OutgoingRecord[] }[] = [];
  const options: LaneDispatcherOptions = {
    lane: 'bulk',
    express: false,
    limits: { maxImages: 10, maxBytes: 100_000 },
    lingerMs: 0,
    tracing: NO_TRACING,
    maxAttempts: 5,
    starter: starts,
    follow: (id) => new Promise((resolve) => starts.closers.set(id, resolve)),
    producer: {
      send: (topic, outgoing) => {
        sent.push({ topic, records: outgoing });
        return Promise.resolve();
      },
    },
    breakers: { find: () => undefined },
    adopted: () => undefined,
    window: new Window(100),
    metrics: dispatchMetrics(createMetrics('test')),
    log: createLogger('test', 'silent'),
    ...overrides,
  };
  const handler = laneDispatcher(options);
  const read = (slice: readonly StreamRecord[], highWatermark?: bigint): Promise<Progress> =>
    handler({
      topic: TOPIC,
      partition: 3,
      records: slice,
      highWatermark: highWatermark ?? (slice.at(-1)?.offset ?? 0n) + 1n,
      signal: new AbortController().signal,
    });
  return { starts, sent, options, read };
}

describe('the dispatcher', () => {
  it('names a batch by topic, partition, first offset and first event, and says in the memo what it holds', async () => {
    const { starts, read } = setUp();
    expect(await read(records(40, 45))).toEqual({ consumed: 5 });
    const [[id, batch]] = [...starts.executions] as [[string, BatchToStart]];
    expect(id).toBe(`detect/${TOPIC}/3/40-eventid0`);
    expect(batch.memo).toMatchObject({ firstOffset: '40', lastOffset: '44' });
    expect(batch.memo.eventsHash).toMatch(/^[0-9a-f]{64}$/);
  });

  it('goes on after a batch that was started before the crash, and starts no second one', async () => {
    const { starts, read } = setUp();
    await read(records(0, 7));
    expect(await read(records(0, 10))).toEqual({ consumed: 7 });
    expect(starts.executions.size).toBe(1);
  });

  it('cuts a batch that exists at its old end even when fewer records would be taken now', async () => {
    const before = setUp({ limits: { maxImages: 10, maxBytes: 100_000 } });
    await before.read(records(0, 10));
    const after = setUp({ limits: { maxImages: 4, maxBytes: 100_000 }, starter: before.starts });
    expect(await after.read(records(0, 10))).toEqual({ consumed: 10 });
    expect(before.starts.executions.size).toBe(1);
  });

  it('starts other records at the same offset under another id: a topic made again loses nothing', async () => {
    const { starts, read } = setUp();
    await read(records(0, 5));
    const other = records(0, 5, { object: 'new.jpg' }).map((one, index) =>
      record(Number(one.offset), { id: 'event-id-00000000', object: `new-${index}.jpg` }),
    );
    expect(await read(other)).toEqual({ consumed: 5 });
    expect(starts.images.filter((object) => object.startsWith('new-'))).toHaveLength(5);
    expect(await read(other)).toEqual({ consumed: 5 });
    expect(starts.executions.size).toBe(2);
  });

  it('starts under another id when the batch that exists reaches beyond what is there now', async () => {
    const { starts, read } = setUp();
    await read(records(0, 8));
    expect(await read(records(0, 3))).toEqual({ consumed: 3 });
    expect(starts.executions.size).toBe(2);
  });

  it('halves a start that the server refuses as too large until it is taken', async () => {
    const { starts, read } = setUp();
    starts.refuseAbove = 3;
    const all = records(0, 10);
    let rest = all;
    while (rest.length > 0) rest = rest.slice((await read(rest)).consumed);
    expect(new Set(starts.images).size).toBe(10);
  });

  it('starts a workflow for each model, and those that are missing after a crash between them', async () => {
    const { starts, read } = setUp();
    const mixed = [record(0, { model: 'a' }), record(1, { model: 'b' }), record(2, { model: 'a' })];
    await read(mixed);
    expect([...starts.executions.keys()].map((id) => id.split('/').at(-1))).toEqual(['a', 'b']);
    const lost = [...starts.executions.keys()].find((id) => id.endsWith('/b')) ?? '';
    starts.executions.delete(lost);
    expect(await read(mixed)).toEqual({ consumed: 3 });
    expect(starts.executions.has(lost)).toBe(true);
    expect(starts.executions.size).toBe(2);
  });

  it('lets a batch that is not full wait for more, once', async () => {
    const { starts, read } = setUp({ lingerMs: 50 });
    const first = await read(records(0, 2));
    expect(first.consumed).toBe(0);
    await first.pauseUntil;
    let progress = await read(records(0, 4));
    while (progress.consumed === 0) {
      await progress.pauseUntil;
      progress = await read(records(0, 4));
    }
    expect(progress.consumed).toBe(4);
    expect(starts.executions.size).toBe(1);
    expect(await read(records(4, 20))).toEqual({ consumed: 10 });
  });

  it('leaves a short tail for the next fetch once, never again and again', async () => {
    const { read } = setUp();
    expect(await read(records(0, 3), 5_000n)).toEqual({ consumed: 0 });
    expect(await read(records(0, 3), 5_000n)).toEqual({ consumed: 3 });
  });

  it('consumes nothing while the window is full, and goes on when a batch closes', async () => {
    const { starts, read } = setUp({ window: new Window(1) });
    await read(records(0, 2));
    const { consumed, pauseUntil } = await read(records(2, 4));
    expect(consumed).toBe(0);
    let resumed = false;
    void pauseUntil?.then(() => (resumed = true));
    await Promise.resolve();
    expect(resumed).toBe(false);
    for (const close of starts.closers.values()) close();
    await pauseUntil;
    expect(await read(records(2, 4))).toEqual({ consumed: 2 });
  });

  it('never has more batches open than the window, however many partitions ask at once', async () => {
    const window = new Window(12);
    for (let open = 0; open < 11; open += 1) window.hold(`before-${open}`, () => new Promise(() => undefined));
    const { starts, read } = setUp({ window });
    const all = await Promise.all(Array.from({ length: 30 }, (_, at) => read(records(at * 100, at * 100 + 2))));
    expect(all.filter(({ consumed }) => consumed > 0)).toHaveLength(1);
    expect([starts.executions.size, window.open]).toEqual([1, 12]);
  });

  it('starts nothing in a partition before the batches that are open in it are counted', async () => {
    const window = new Window(1);
    let adopted: Promise<void> | undefined = Promise.resolve().then(() => {
      window.hold('before', () => new Promise(() => undefined));
      adopted = undefined;
    });
    const { starts, read } = setUp({ window, adopted: () => adopted });
    const { consumed, pauseUntil } = await read(records(0, 2));
    await pauseUntil;
    expect([consumed, (await read(records(0, 2))).consumed, starts.executions.size]).toEqual([0, 0, 0]);
  });

  it('goes by the places that are leased: starts none when they are fewer or at their end, and goes on with more', async () => {
    const window = new Window(2);
    const { starts, read } = setUp({ window });
    await read(records(0, 2));
    await read(records(2, 4));
    window.lease(1, Infinity);
    expect([starts.executions.size, window.taken, (await read(records(4, 6))).consumed]).toEqual([2, 2, 0]);
    window.lease(9, performance.now());
    const { consumed, pauseUntil } = await read(records(4, 6));
    expect(consumed).toBe(0);
    window.lease(3, Infinity);
    await pauseUntil;
    expect((await read(records(4, 6))).consumed).toBe(2);
  });

  it('gives its place in the window back when a start fails', async () => {
    const window = new Window(1);
    const failing = setUp({ window, starter: { start: () => Promise.reject(new Error('server away')) } });
    await expect(failing.read(records(0, 2))).rejects.toThrow('server away');
    expect(await setUp({ window }).read(records(0, 2))).toEqual({ consumed: 2 });
  });

  it('starts a batch of several models as soon as one place is free', async () => {
    const window = new Window(3);
    for (let open = 0; open < 2; open += 1) window.hold(`before-${open}`, () => new Promise(() => undefined));
    const { read } = setUp({ window });
    expect(await read([record(0, { model: 'a' }), record(1, { model: 'b' })])).toEqual({ consumed: 2 });
  });

  it('keeps a record that is read twice as one dead letter', async () => {
    const { sent, read } = setUp();
    await read([record(1, 'no json')]);
    await read([record(1, 'no json')]);
    const ids = sent.flatMap(({ records: all }) => all.map(({ key }) => key));
    expect([ids.length, new Set(ids).size]).toEqual([2, 1]);
  });

  it('consumes nothing when the outcome of a start is unknown', async () => {
    const { read } = setUp({ starter: { start: () => Promise.reject(new Error('server away')) } });
    await expect(read(records(0, 2))).rejects.toThrow('server away');
  });

  it('keeps records that are no image events as dead letters and detects their neighbours', async () => {
    const { starts, sent, read } = setUp();
    expect(await read([record(0), record(1, 'no json'), record(2, '{"v":1}'), record(3)])).toEqual({ consumed: 4 });
    expect(starts.images).toEqual(['image-0.jpg', 'image-3.jpg']);
    const letters = sent.flatMap(({ records: all }) =>
      all.map(({ value }) => JSON.parse(value) as Record<string, string>),
    );
    expect(letters.map(({ origin, reason }) => [origin, reason])).toEqual([
      [`${TOPIC}/3/1`, 'INVALID_RECORD'],
      [`${TOPIC}/3/2`, 'INVALID_RECORD'],
    ]);
    expect(letters[1]?.['detail']).toContain('bucket');
  });

  it('drops a duplicate inside a batch', async () => {
    const { starts, read } = setUp();
    expect(await read([record(0), record(1, { object: 'image-0.jpg' })])).toEqual({ consumed: 2 });
    expect(starts.images).toEqual(['image-0.jpg']);
  });

  it('keeps the input of a batch under its bound of bytes', async () => {
    const { starts, read } = setUp({ limits: { maxImages: 1000, maxBytes: 5_000 } });
    const long = Array.from({ length: 50 }, (_, offset) => record(offset, { object: `${'ü'.repeat(400)}${offset}` }));
    let rest = long;
    while (rest.length > 0) rest = rest.slice((await read(rest)).consumed);
    for (const { input } of starts.executions.values()) expect(JSON.stringify(input.images).length).toBeLessThan(6_000);
    expect(starts.images).toHaveLength(50);
  });

  it('writes events of a source whose breaker is open elsewhere, and starts the others', async () => {
    const { starts, sent, read } = setUp({
      breakers: { find: ({ bucket }) => (bucket === 'locked' ? breaker(bucket) : undefined) },
    });
    const mixed = records(0, 8).map((one, offset) => (offset % 2 === 0 ? one : record(offset, { bucket: 'locked' })));
    expect(await read(mixed)).toEqual({ consumed: 8 });
    expect(starts.images).toHaveLength(4);
    const [held] = sent;
    expect(held?.topic).toBe('penstock.image-events.held');
    expect(held?.records.map(({ key, value }) => [key, (JSON.parse(value) as ImageEvent).lane])).toEqual(
      Array(4).fill(['locked/shapes', 'bulk']),
    );
  });

  it('loses no held event whose breaker closes while the broker is away, though the batch of its neighbours exists', async () => {
    let isOpen = true;
    const sent: string[] = [];
    let fails = 1;
    const { starts, read } = setUp({
      breakers: { find: ({ bucket }) => (isOpen && bucket === 'locked' ? breaker(bucket) : undefined) },
      producer: {
        send: (_topic, outgoing) => {
          if (outgoing.length > 0 && fails-- > 0) return Promise.reject(new Error('broker away'));
          sent.push(...outgoing.map(({ value }) => (JSON.parse(value) as ImageEvent).object));
          return Promise.resolve();
        },
      },
    });
    const mixed = [record(0), record(1, { bucket: 'locked' }), record(2)];
    await expect(read(mixed)).rejects.toThrow('broker away');
    isOpen = false;
    expect(await read(mixed)).toEqual({ consumed: 3 });
    expect(new Set([...starts.images, ...sent])).toEqual(new Set(['image-0.jpg', 'image-1.jpg', 'image-2.jpg']));
  });

  it('needs no place in the window, and does not linger, for events that are all held', async () => {
    const { starts, read } = setUp({ breakers: { find: ({ bucket }) => breaker(bucket) }, lingerMs: 60_000 });
    expect(await read(records(0, 5))).toEqual({ consumed: 5 });
    expect(starts.executions.size).toBe(0);
  });

  it('records events as dead whose deadline is past, and starts the others', async () => {
    const { starts, sent, read } = setUp({ now: () => 5_000 });
    expect(await read([record(0, { deadlineMs: 4_999 }), record(1, { deadlineMs: 5_001 }), record(2)])).toEqual({
      consumed: 3,
    });
    expect(starts.images).toEqual(['image-1.jpg', 'image-2.jpg']);
    const [batch] = [...starts.executions.values()];
    expect(batch?.input.images.map(([, , , , , deadlineMs]) => deadlineMs)).toEqual([5_001, undefined]);
    const results = sent.flatMap(({ topic, records: out }) => (topic === 'penstock.image-results' ? out : []));
    expect(results.map(({ value }) => imageResultSchema.parse(JSON.parse(value)))).toMatchObject([
      { object: 'image-0.jpg', model: 'shapes', status: 'dead', reason: 'EXPIRED', attempts: 0 },
    ]);
  });
});
