import { afterEach, describe, expect, it, vi } from 'vitest';
import { heldRecord } from '../../../src/dispatch/elsewhere.js';
import type { TracedEvent } from '../../../src/dispatch/formBatch.js';
import { heldDispatcher, type HeldOptions } from '../../../src/dispatch/held.js';
import { dispatchMetrics } from '../../../src/dispatch/metrics.js';
import {
  imageEventSchema,
  imageResultSchema,
  type ImageEvent,
  type ImageResult,
  type OpenBreaker,
} from '../../../src/domain/index.js';
import type { OutgoingRecord, Progress, Slice, SliceHandler, StreamRecord } from '../../../src/stream/index.js';
import { createLogger, createMetrics } from '../../../src/telemetry/index.js';

const HELD = 'penstock.image-events.held';

function breaker(bucket: string, nextProbeAtMs?: number): OpenBreaker {
  return {
    ...{ bucket, model: 'shapes', reason: 'FORBIDDEN', detail: '403', failing: 20, of: 20, openedAtMs: 0, probes: 0 },
    ...(nextProbeAtMs === undefined ? {} : { nextProbeAtMs }),
  };
}

/** The held topic as one partition: what is written to it comes last. */
class Rig {
  now = 0;
  open: OpenBreaker[] = [];
  log: StreamRecord[] = [];
  committed = 0;
  isKnown = true;
  readonly dead: ImageResult[] = [];
  readonly lanes: { topic: string; event: ImageEvent; trace: string | undefined }[] = [];
  readonly probes: { objects: string[]; lane: string; end: () => void }[] = [];
  readonly buried: bigint[] = [];
  readonly #waiters: { holds: () => boolean; wake: () => void }[] = [];
  #handler: SliceHandler;

  constructor() {
    this.#handler = this.#newHandler();
  }

  /** As another dispatcher, which knows nothing of the partition. */
  restart(): void {
    this.#handler = this.#newHandler();
  }

  hold(bucket: string, count: number, but: Partial<TracedEvent> = {}): void {
    for (let index = 0; index < count; index += 1) {
      const object = `${bucket}-${this.log.length}.jpg`;
      const event: TracedEvent = {
        ...{ v: 1, id: `event-${bucket}-${index}`, bucket, object, generation: '1', uploadedAtMs: 1, receivedAtMs: 2 },
        ...{ model: 'shapes', ...but },
      };
      this.append([heldRecord(event, 'express')]);
    }
  }

  append(records: readonly OutgoingRecord[]): void {
    for (const { key = null, value, headers } of records) {
      const record = { offset: BigInt(this.log.length), key, value: Buffer.from(value), timestampMs: 3 };
      this.log.push(headers === undefined ? record : { ...record, headers });
    }
  }

  #newHandler(): SliceHandler {
    const options: HeldOptions = {
      breakers: {
        find: ({ bucket }) => this.open.find((one) => one.bucket === bucket),
        ...{ open: [], isKnown: true, refresh: () => Promise.resolve() },
        until: (holds) => (holds() ? Promise.resolve() : new Promise((wake) => this.#waiters.push({ holds, wake }))),
      },
      lanes: ['bulk', 'express'],
      defaultLane: 'bulk',
      probeImages: 10,
      producer: {
        send: (topic, records) => {
          if (topic === HELD) this.append(records);
          else if (topic === 'penstock.image-results')
            this.dead.push(...records.map(({ value }) => imageResultSchema.parse(JSON.parse(value))));
          else
            for (const { value, headers } of records)
              this.lanes.push({
                ...{ topic, event: imageEventSchema.parse(JSON.parse(value)), trace: headers?.['traceparent'] },
              });
          return Promise.resolve();
        },
      },
      probe: ({ records }, lane) => {
        const objects = records.map(({ value }) => imageEventSchema.parse(JSON.parse(value.toString())).object);
        const ended = new Promise<void>((end) => this.probes.push({ objects, lane, end }));
        return Promise.resolve({ ended });
      },
      bury: ({ records }) => {
        this.buried.push(...records.map(({ offset }) => offset));
        return Promise.resolve();
      },
      partitionOf: () => 0,
      metrics: dispatchMetrics(createMetrics('test')),
      log: createLogger('test', 'silent'),
      now: () => this.now,
    };
    Object.defineProperty(options.breakers, 'open', { get: () => this.open });
    Object.defineProperty(options.breakers, 'isKnown', { get: () => this.isKnown });
    return heldDispatcher(options);
  }

  /** Reads until the partition waits or is empty. Gives the promise that it waits for. */
  async drain(): Promise<{ until?: Promise<unknown> }> {
    for (let reads = 0; reads < 200; reads += 1) {
      const records = this.log.slice(this.committed, this.committed + 50);
      if (records.length === 0) return {};
      const slice: Slice = {
        ...{ topic: HELD, partition: 0, records, highWatermark: BigInt(this.log.length) },
        signal: new AbortController().signal,
      };
      const progress: Progress = await this.#handler(slice);
      this.committed += progress.consumed;
      if (progress.pauseUntil) return { until: progress.pauseUntil };
    }
    throw new Error('it never comes to rest');
  }

  /** As after an answer of the breaker. */
  wake(): void {
    for (const { holds, wake } of this.#waiters) if (holds()) wake();
  }

  waiting(): string[] {
    return this.log
      .slice(this.committed)
      .map(({ value }) => imageEventSchema.parse(JSON.parse(value.toString())).bucket);
  }
}

const settles = async ({ until }: { until?: Promise<unknown> }): Promise<boolean> =>
  Promise.race([Promise.resolve(until).then(() => true), new Promise<false>((no) => setTimeout(() => no(false), 20))]);

describe('what is held', () => {
  it('goes back to its lane, as it was, when the breaker of its source is closed', async () => {
    const rig = new Rig();
    rig.hold('locked', 120);
    await rig.drain();
    expect(rig.committed).toBe(120);
    expect(rig.lanes).toHaveLength(120);
    expect(rig.lanes[0]).toEqual({
      topic: 'penstock.image-events.express',
      event: expect.objectContaining({ id: 'event-locked-0', object: 'locked-0.jpg' }) as ImageEvent,
    });
    expect(rig.lanes[0]?.event.lane).toBeUndefined();
  });

  it('keeps the trace of an event, also where it is put last', async () => {
    const rig = new Rig();
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    rig.open = [breaker('locked', 1_000)];
    rig.hold('locked', 1, { trace });
    rig.hold('free', 1, { trace });
    await rig.drain();
    rig.open = [];
    rig.wake();
    await rig.drain();
    expect(rig.lanes.map((lane) => [lane.event.bucket, lane.trace])).toEqual([
      ['free', trace],
      ['locked', trace],
    ]);
  });

  it('waits while the breaker is open, and wakes when it is closed', async () => {
    const rig = new Rig();
    rig.open = [breaker('locked', 1_000)];
    rig.hold('locked', 30);
    const waits = await rig.drain();
    rig.wake();
    expect(await settles(waits)).toBe(false);
    expect(rig.lanes).toEqual([]);
    rig.open = [];
    rig.wake();
    expect(await settles(waits)).toBe(true);
    await rig.drain();
    expect(rig.lanes).toHaveLength(30);
    expect(rig.waiting()).toEqual([]);
  });

  it('lets a few be tried when a probe is due, and no second probe go before the first has ended', async () => {
    const rig = new Rig();
    rig.open = [breaker('locked', 1_000)];
    rig.hold('locked', 30);
    const waits = await rig.drain();
    rig.now = 1_000;
    rig.wake();
    expect(await settles(waits)).toBe(true);
    const after = await rig.drain();
    expect(rig.probes.map(({ objects, lane }) => [objects.length, lane])).toEqual([[10, 'express']]);
    rig.wake();
    expect(await settles(after)).toBe(false);
    rig.open = [breaker('locked', 5_000)];
    rig.probes[0]?.end();
    rig.now = 5_000;
    expect(rig.waiting()).toHaveLength(20);
    await new Promise((resolve) => setImmediate(resolve));
    rig.wake();
    expect(await settles(after)).toBe(true);
    await rig.drain();
    expect(rig.probes).toHaveLength(2);
  });

  it('does not keep a source waiting behind another one of its partition', async () => {
    const rig = new Rig();
    rig.open = [breaker('locked'), breaker('away')];
    rig.hold('locked', 70);
    rig.hold('away', 70);
    const waits = await rig.drain();
    rig.open = [breaker('locked')];
    rig.wake();
    expect(await settles(waits)).toBe(true);
    await rig.drain();
    expect(rig.lanes.map(({ event }) => event.bucket)).toEqual(Array<string>(70).fill('away'));
    expect(rig.waiting()).toEqual(Array<string>(70).fill('locked'));
  });

  it('finds what was closed while nobody read it, behind what still waits', async () => {
    const rig = new Rig();
    rig.hold('locked', 60);
    rig.hold('closed', 60);
    rig.open = [breaker('locked')];
    rig.restart();
    await rig.drain();
    expect(rig.lanes).toHaveLength(60);
    expect(rig.waiting()).toEqual(Array<string>(60).fill('locked'));
  });

  it('writes what must wait to the end once, not again and again', async () => {
    const rig = new Rig();
    rig.open = [breaker('locked')];
    rig.hold('locked', 60);
    await rig.drain();
    const { length } = rig.log;
    for (let look = 0; look < 5; look += 1) {
      rig.wake();
      await rig.drain();
    }
    expect(rig.log).toHaveLength(length);
    expect(length).toBeLessThanOrEqual(120);
  });

  it('keeps what is no event as a dead letter, and goes on', async () => {
    const rig = new Rig();
    rig.append([{ value: 'no event' }, { value: '{}' }]);
    rig.hold('locked', 1);
    await rig.drain();
    expect(rig.buried).toEqual([0n, 1n]);
    expect(rig.lanes).toHaveLength(1);
  });

  it('gives nothing back before it knows what is open', async () => {
    const rig = new Rig();
    rig.isKnown = false;
    rig.hold('locked', 5);
    const waits = await rig.drain();
    expect(rig.lanes).toEqual([]);
    rig.open = [breaker('locked')];
    rig.isKnown = true;
    rig.wake();
    expect(await settles(waits)).toBe(true);
    await rig.drain();
    expect(rig.lanes).toEqual([]);
    expect(rig.waiting()).toHaveLength(5);
  });

  it('records as dead what is wanted no more, and probes with the others', async () => {
    const rig = new Rig();
    rig.open = [breaker('locked', 1_000)];
    rig.hold('locked', 3);
    rig.hold('locked', 3, { deadlineMs: 900 });
    rig.hold('locked', 3);
    const waits = await rig.drain();
    expect(rig.dead).toEqual([]);
    rig.now = 1_000;
    rig.wake();
    expect(await settles(waits)).toBe(true);
    await rig.drain();
    expect(rig.probes.map(({ objects }) => objects.length)).toEqual([3]);
    expect(rig.dead).toMatchObject(Array(3).fill({ bucket: 'locked', reason: 'EXPIRED', attempts: 0 }));
    expect(rig.waiting()).toHaveLength(3);
  });

  it('gives events of a lane that is no more back to the default lane', async () => {
    const rig = new Rig();
    rig.append([{ value: '{}' }]);
    rig.hold('locked', 1);
    const [, record] = rig.log;
    rig.append([{ value: record?.value.toString().replace('express', 'night') ?? '' }]);
    await rig.drain();
    expect(rig.lanes.map(({ topic }) => topic)).toEqual([
      'penstock.image-events.express',
      'penstock.image-events.bulk',
    ]);
  });

  it('writes nothing again and again when the topic was made anew', async () => {
    const rig = new Rig();
    rig.open = [breaker('locked')];
    rig.hold('locked', 5_000);
    await rig.drain();
    Object.assign(rig, { log: [], committed: 0 });
    rig.hold('locked', 5);
    await rig.drain();
    expect(rig.waiting()).toHaveLength(5);
    expect(rig.log.length).toBeLessThanOrEqual(10);
  });

  describe('in the long run', () => {
    afterEach(() => vi.useRealTimers());

    it('finds events behind those that wait although it never saw their breaker open', async () => {
      vi.useFakeTimers({ toFake: ['performance'] });
      const rig = new Rig();
      rig.open = [breaker('locked')];
      rig.hold('locked', 60);
      const waits = await rig.drain();
      rig.hold('late', 60);
      rig.wake();
      expect(await settles(waits)).toBe(false);
      vi.advanceTimersByTime(31 * 60_000);
      rig.wake();
      expect(await settles(waits)).toBe(true);
      const idle = await rig.drain();
      expect(rig.lanes).toHaveLength(60);
      const { length } = rig.log;
      vi.advanceTimersByTime(31 * 60_000);
      rig.wake();
      expect(await settles(idle)).toBe(true);
      await rig.drain();
      expect(rig.log).toHaveLength(length);
    });
  });
});
