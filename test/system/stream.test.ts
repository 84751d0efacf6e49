import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { loadConfig, type Config } from '../../src/config/index.js';
import { roleEnvironment } from '../../src/embedded/index.js';
import {
  createConsumer,
  createProducer,
  deleteConsumedRecords,
  type ConsumerOptions,
  type SliceHandler,
  type StreamConsumer,
} from '../../src/stream/index.js';
import { passOverUnread } from '../../src/stream/unread.js';
import { createLogger, createMetrics } from '../../src/telemetry/index.js';
import { startBrokerProxy } from './brokerProxy.js';

const endpoints = inject('endpoints');
const config = loadConfig(roleEnvironment(endpoints));
const log = createLogger('test', 'silent');
const kafka = new Kafka({ clientId: 'stream-test', brokers: endpoints.kafka.split(','), logLevel: logLevel.NOTHING });
const topics: string[] = [];
const open: { close(): Promise<void> }[] = [];
let admin: Admin;

beforeAll(async () => {
  admin = kafka.admin();
  await admin.connect();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});
afterAll(async () => {
  await admin.deleteTopics({ topics });
  await admin.disconnect();
});

async function newTopic(numPartitions = 1, topic = `stream-test.${randomUUID()}`): Promise<string> {
  await admin.createTopics({ topics: [{ topic, numPartitions }], waitForLeaders: true });
  if (!topics.includes(topic)) topics.push(topic);
  return topic;
}

async function produce(topic: string, values: readonly string[], { partition = 0, agoMs = 0 } = {}): Promise<void> {
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  const timestamp = String(Date.now() - agoMs);
  await producer.send({ topic, acks: -1, messages: values.map((value) => ({ value, partition, timestamp })) });
  await producer.disconnect();
}

const names = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

async function consume(
  topic: string,
  handler: SliceHandler,
  more: Partial<ConsumerOptions> = {},
): Promise<StreamConsumer> {
  const consumer = await createConsumer({
    config,
    log,
    metrics: createMetrics('test'),
    groupId: `group-of-${topic}`,
    topics: [topic],
    handler,
    onFatal: (error) => {
      throw error;
    },
    watchEveryMs: 200,
    ...more,
  });
  open.push(consumer);
  return consumer;
}

/** A handler that keeps all that it reads. */
function collector(): { handler: SliceHandler; values: string[] } {
  const values: string[] = [];
  return {
    values,
    handler: ({ records }) => {
      values.push(...records.map(({ value }) => value.toString()));
      return Promise.resolve({ consumed: records.length });
    },
  };
}

async function committed(topic: string): Promise<string | undefined> {
  const [answer] = await admin.fetchOffsets({ groupId: `group-of-${topic}`, topics: [topic] });
  return answer?.partitions[0]?.offset;
}

const within = { timeout: 30_000, interval: 50 };

describe('the producer', () => {
  it('loses nothing that it acknowledged when answers of the broker are lost', async () => {
    const topic = await newTopic(3);
    const proxy = await startBrokerProxy(endpoints.kafka);
    const proxied: Config = { ...config, PENSTOCK_KAFKA_BROKERS: [proxy.address] };
    const producer = await createProducer({ config: proxied, log });
    open.push(producer, { close: () => proxy.shut() });
    const acknowledged: string[] = [];
    for (let batch = 0; batch < 30; batch += 1) {
      if (batch % 5 === 2) proxy.dropProduceAnswers(1);
      const values = names(`${batch}-`, 20);
      await producer.send(
        topic,
        values.map((value) => ({ key: value, value })),
      );
      acknowledged.push(...values);
    }
    expect(proxy.dropped()).toBeGreaterThanOrEqual(5);
    const { handler, values } = collector();
    await consume(topic, handler);
    await vi.waitFor(() => expect(new Set(values)).toEqual(new Set(acknowledged)), within);
  });

  it('refuses with an error worth a retry while the broker is away, and works again when it is back', async () => {
    const topic = await newTopic();
    const proxy = await startBrokerProxy(endpoints.kafka);
    const producer = await createProducer({ config: { ...config, PENSTOCK_KAFKA_BROKERS: [proxy.address] }, log });
    open.push(producer, { close: () => proxy.shut() });
    await producer.send(topic, [{ value: 'before' }]);
    await proxy.shut();
    await expect(producer.send(topic, [{ value: 'away' }])).rejects.toMatchObject({ retryable: true });
    expect(producer.isHealthy()).toBe(false);
    await proxy.open();
    await vi.waitFor(() => expect(producer.isHealthy()).toBe(true), within);
    await producer.send(topic, [{ value: 'after' }]);
  });
});

describe('an idle connection', () => {
  it('leaves its process asleep', async () => {
    const topic = await newTopic();
    const producer = await createProducer({ config, log });
    open.push(producer);
    await producer.send(topic, [{ value: 'one' }]);
    const timers = vi.spyOn(globalThis, 'setTimeout');
    await sleep(2_000);
    const started = timers.mock.calls.length;
    timers.mockRestore();
    expect(started).toBeLessThan(200);
  });
});

describe('the consumer', () => {
  it('commits what the handler consumed and brings the rest again', async () => {
    const topic = await newTopic();
    await produce(topic, names('r', 10));
    const calls: number[] = [];
    await consume(topic, ({ records }) => {
      calls.push(records.length);
      return Promise.resolve({ consumed: Math.min(4, records.length) });
    });
    await vi.waitFor(async () => expect(await committed(topic)).toBe('10'), within);
    expect(calls).toEqual([10, 6, 2]);
  });

  it('repeats a slice whose handler failed, and commits nothing of it before', async () => {
    const topic = await newTopic();
    await produce(topic, names('r', 5));
    let failures = 2;
    const seen: number[] = [];
    await consume(topic, ({ records }) => {
      seen.push(records.length);
      if (failures-- > 0) return Promise.reject(new Error('not yet'));
      return Promise.resolve({ consumed: records.length });
    });
    await vi.waitFor(async () => expect(await committed(topic)).toBe('5'), within);
    expect(seen).toEqual([5, 5, 5]);
  });

  it('leaves a paused partition in the log and goes on with it later', async () => {
    const topic = await newTopic();
    await produce(topic, names('r', 3));
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    let isOpen = false;
    const values: string[] = [];
    let calls = 0;
    await consume(topic, ({ records }) => {
      calls += 1;
      if (!isOpen) return Promise.resolve({ consumed: 0, pauseUntil: gate });
      values.push(...records.map(({ value }) => value.toString()));
      return Promise.resolve({ consumed: records.length });
    });
    await vi.waitFor(() => expect(calls).toBe(1), within);
    await produce(topic, names('s', 2));
    isOpen = true;
    expect(calls).toBe(1);
    go();
    await vi.waitFor(() => expect(values).toEqual([...names('r', 3), ...names('s', 2)]), within);
  });

  it('keeps its place in the group while a handler takes longer than the session', async () => {
    const topic = await newTopic();
    await produce(topic, ['slow']);
    let calls = 0;
    await consume(topic, async ({ records }) => {
      calls += 1;
      await sleep(18_000);
      return { consumed: records.length };
    });
    await vi.waitFor(async () => expect(await committed(topic)).toBe('1'), { timeout: 40_000, interval: 200 });
    expect(calls).toBe(1);
  });

  it('reads a topic that was made again from its start, with fewer records than before', async () => {
    const topic = await newTopic();
    await produce(topic, names('old', 20));
    const { handler, values } = collector();
    await consume(topic, handler);
    await vi.waitFor(() => expect(values).toHaveLength(20), within);
    await admin.deleteTopics({ topics: [topic] });
    await vi.waitFor(async () => expect(await admin.listTopics()).not.toContain(topic), within);
    await newTopic(1, topic);
    await produce(topic, names('new', 5));
    await vi.waitFor(() => expect(values.slice(20)).toEqual(expect.arrayContaining(names('new', 5))), within);
  });

  it('reads a topic that was made again from its start, with more records than before', async () => {
    const topic = await newTopic();
    await produce(topic, names('old', 10));
    const { handler, values } = collector();
    // Nothing but the commit itself may notice it: the watch would hide a commit that does not look.
    await consume(topic, handler, { watchEveryMs: 600_000 });
    await vi.waitFor(() => expect(values).toHaveLength(10), within);
    await vi.waitFor(async () => expect(await committed(topic)).toBe('10'), within);
    await admin.deleteTopics({ topics: [topic] });
    await vi.waitFor(async () => expect(await admin.listTopics()).not.toContain(topic), within);
    await newTopic(1, topic);
    await produce(topic, names('new', 50));
    await vi.waitFor(() => expect(values).toEqual(expect.arrayContaining(names('new', 50))), within);
  });

  it('stops a partition whose records are gone unread, counts them and says so; others go on', async () => {
    const topic = await newTopic(2);
    await produce(topic, names('a', 10), { partition: 0 });
    await produce(topic, names('b', 10), { partition: 1 });
    const first = collector();
    const consumer = await consume(topic, first.handler);
    await vi.waitFor(() => expect(first.values).toHaveLength(20), within);
    await consumer.close();
    open.splice(0);
    await produce(topic, names('lost', 5), { partition: 0 });
    // The library finds a partition's leader only in metadata that it happens to have: ask for it first.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '15' }] });
    await produce(topic, names('after', 5), { partition: 0 });
    await produce(topic, names('other', 5), { partition: 1 });

    const second = collector();
    const metrics = createMetrics('test');
    const again = await consume(topic, second.handler, { metrics });
    await vi.waitFor(() => expect(second.values).toEqual(names('other', 5)), within);
    await vi.waitFor(() => expect(again.problems().join()).toContain('5 records are gone unread'), within);
    expect(await metrics.registry.getSingleMetricAsString('penstock_stream_missing_records_total')).toMatch(/ 5$/m);
    expect(second.values).not.toContain('after0');
  });
});

describe('the consumer, in the middle of its work', () => {
  /** Records 0 to 9 are read, and the partition is paused; then 10 to 109 are deleted. */
  async function losing(topic: string) {
    await produce(topic, names('r', 10));
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    let isPaused = false;
    const values: string[] = [];
    const metrics = createMetrics('test');
    const consumer = await consume(
      topic,
      ({ records }) => {
        if (isPaused) return Promise.resolve({ consumed: 0, pauseUntil: gate });
        values.push(...records.map(({ value }) => value.toString()));
        return Promise.resolve({ consumed: records.length });
      },
      { metrics },
    );
    await vi.waitFor(async () => expect(await committed(topic)).toBe('10'), within);
    isPaused = true;
    await produce(topic, names('lost', 100));
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '110' }] });
    const counted = (): Promise<string> =>
      metrics.registry.getSingleMetricAsString('penstock_stream_missing_records_total');
    const goOn = (): void => {
      isPaused = false;
      go();
    };
    return { consumer, values, counted, goOn };
  }

  it.each([
    { after: 5, what: 'more have come' },
    { after: 0, what: 'the log is empty' },
  ])('stops, and stays stopped, when records are gone unread and $what', async ({ after }) => {
    const topic = await newTopic();
    const { consumer, values, counted, goOn } = await losing(topic);
    if (after > 0) await produce(topic, names('after', after));
    goOn();
    await vi.waitFor(() => expect(consumer.problems().join()).toContain('100 records are gone unread'), within);
    // The library has moved the commit to the log's start: it stands again where reading ended.
    await vi.waitFor(async () => expect(await committed(topic)).toBe('10'), within);
    await sleep(1_000);
    expect(consumer.problems()).toHaveLength(1);
    expect(values).toEqual(names('r', 10));
    expect(await counted()).toMatch(/ 100$/m);
  });

  it('reads all of a topic that was made again before its first commit', async () => {
    const topic = await newTopic();
    await produce(topic, names('old', 10));
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const values: string[] = [];
    await consume(
      topic,
      async ({ records }) => {
        values.push(...records.map(({ value }) => value.toString()));
        await gate;
        return { consumed: records.length };
      },
      { watchEveryMs: 600_000 },
    );
    await vi.waitFor(() => expect(values).toHaveLength(10), within);
    await admin.deleteTopics({ topics: [topic] });
    await vi.waitFor(async () => expect(await admin.listTopics()).not.toContain(topic), within);
    await newTopic(1, topic);
    await produce(topic, names('new', 30));
    go();
    await vi.waitFor(() => expect(values).toEqual(expect.arrayContaining(names('new', 30))), within);
  });

  it('commits what a handler finishes while it closes', async () => {
    const topic = await newTopic();
    await produce(topic, names('r', 5));
    let isCalled = false;
    const consumer = await consume(topic, async ({ records }) => {
      isCalled = true;
      await sleep(1_500);
      return { consumed: records.length };
    });
    await vi.waitFor(() => expect(isCalled).toBe(true), within);
    await consumer.close();
    open.splice(open.indexOf(consumer), 1);
    expect(await committed(topic)).toBe('5');
  });

  it('reads on while what a handler took is not done, and commits in order what is', async () => {
    const topic = await newTopic();
    await produce(topic, names('a', 5));
    const finish: (() => void)[] = [];
    const sizes: number[] = [];
    await consume(topic, ({ records }) => {
      sizes.push(records.length);
      return Promise.resolve({ consumed: records.length, done: new Promise((resolve) => finish.push(resolve)) });
    });
    await vi.waitFor(() => expect(sizes).toEqual([5]), within);
    await produce(topic, names('b', 3));
    await vi.waitFor(() => expect(sizes).toEqual([5, 3]), within);
    finish[1]?.();
    await sleep(300);
    expect(await committed(topic)).toBe('0');
    finish[0]?.();
    await vi.waitFor(async () => expect(await committed(topic)).toBe('8'), within);
  });

  it('reads again from the first record that is not done when what a handler took fails', async () => {
    const topic = await newTopic();
    await produce(topic, names('a', 5));
    const slices: string[][] = [];
    const fail: ((error: Error) => void)[] = [];
    const consumer = await consume(topic, ({ records }) => {
      slices.push(records.map(({ value }) => value.toString()));
      const isFirst = slices.length <= 2;
      const done = isFirst ? new Promise<void>((_, reject) => fail.push(reject)) : Promise.resolve();
      return Promise.resolve({ consumed: records.length, done });
    });
    await vi.waitFor(() => expect(slices).toHaveLength(1), within);
    await produce(topic, names('b', 3));
    await vi.waitFor(() => expect(slices).toHaveLength(2), within);
    fail[0]?.(new Error('the table is away'));
    fail[1]?.(new Error('the table is away'));
    await vi.waitFor(() => expect(consumer.problems()).toEqual([`${topic}/0: the table is away`]), within);
    await vi.waitFor(() => expect(slices.slice(2).flat()).toEqual([...names('a', 5), ...names('b', 3)]), within);
    await vi.waitFor(async () => expect(await committed(topic)).toBe('8'), within);
    expect(consumer.problems()).toEqual([]);
  });

  it('waits for what a handler took when it closes, and commits it', async () => {
    const topic = await newTopic();
    await produce(topic, names('r', 5));
    let isCalled = false;
    const consumer = await consume(topic, ({ records }) => {
      isCalled = true;
      return Promise.resolve({ consumed: records.length, done: sleep(1_500) });
    });
    await vi.waitFor(() => expect(isCalled).toBe(true), within);
    await consumer.close();
    open.splice(open.indexOf(consumer), 1);
    expect(await committed(topic)).toBe('5');
  });
});

describe('the consumer, when the library crashes', () => {
  /** Holds whoever comes: `come` when somebody has, `open` lets all go on. */
  function gate() {
    let open: () => void = () => undefined;
    let arrive: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const come = new Promise<void>((resolve) => (arrive = resolve));
    const wait = (): Promise<void> => {
      arrive();
      return opened;
    };
    return { wait, come, open };
  }

  it('admits again after it has joined again: a crash in the middle of an admission ends no role', async () => {
    const topic = await newTopic();
    await produce(topic, names('r', 5));
    await admin.setOffsets({ groupId: `group-of-${topic}`, topic, partitions: [{ partition: 0, offset: '2' }] });
    const proxy = await startBrokerProxy(endpoints.kafka);
    open.push({ close: () => proxy.shut() });
    // The admission stands at its question until the library has crashed, and the library before it tells of the crash.
    const asking = gate();
    const crashing = gate();
    const proxied = new Kafka({
      ...{ clientId: 'proxied', brokers: [proxy.address], logLevel: logLevel.NOTHING },
      // A request that was cut off is waited for as long.
      requestTimeout: 2_000,
    });
    vi.spyOn(Kafka.prototype, 'admin').mockReturnValueOnce({
      ...proxied.admin(),
      fetchTopicOffsets: async (name) => {
        const answer = await admin.fetchTopicOffsets(name);
        await asking.wait();
        return answer;
      },
    });
    vi.spyOn(Kafka.prototype, 'consumer').mockImplementationOnce((options) => {
      const restartOnFailure = (): Promise<boolean> => crashing.wait().then(() => true);
      // The broker waits that long for the member that it has not seen leave.
      const session = { sessionTimeout: 6_000, rebalanceTimeout: 6_000, heartbeatInterval: 500 };
      return proxied.consumer({ ...options, ...session, retry: { retries: 1, restartOnFailure } });
    });
    const { handler, values } = collector();
    const fatal: unknown[] = [];
    const consumer = await consume(topic, handler, {
      config: { ...config, PENSTOCK_KAFKA_BROKERS: [proxy.address] },
      onFatal: (error) => fatal.push(error),
    });
    vi.restoreAllMocks();
    await asking.come;
    await proxy.shut();
    await crashing.come;
    asking.open();
    await vi.waitFor(() => expect([...consumer.problems(), ...fatal.map(String)].join()).not.toBe(''), within);
    await proxy.open();
    crashing.open();
    await vi.waitFor(() => expect(values).toEqual(names('r', 5).slice(2)), within);
    await vi.waitFor(() => expect(consumer.problems()).toEqual([]), within);
    expect(fatal).toEqual([]);
    // Before its proxy, which afterEach would shut under it.
    await consumer.close();
    open.splice(open.indexOf(consumer), 1);
  });
});

describe('retention by consumption', () => {
  it('deletes what every named group has committed, nothing before all of them have begun, and nothing young', async () => {
    const topic = await newTopic();
    const low = async (): Promise<string | undefined> => (await admin.fetchTopicOffsets(topic))[0]?.low;
    await produce(topic, names('old', 10), { agoMs: config.PENSTOCK_HOUSEKEEP_KEEP_MS + 10_000 });
    await produce(topic, names('young', 5), { agoMs: config.PENSTOCK_HOUSEKEEP_KEEP_MS - 30_000 });
    const { handler, values } = collector();
    await consume(topic, handler);
    await vi.waitFor(async () => expect(await committed(topic)).toBe('15'), within);
    expect(values).toHaveLength(15);
    const named = { ...config, PENSTOCK_HOUSEKEEP_GROUPS: [`${topic}=group-of-${topic}`, `${topic}=not-begun`] };
    await deleteConsumedRecords(named, log);
    expect(await low()).toBe('0');
    const begun = { ...config, PENSTOCK_HOUSEKEEP_GROUPS: [`${topic}=group-of-${topic}`] };
    await deleteConsumedRecords(begun, log);
    expect(await low()).toBe('10');
    await deleteConsumedRecords({ ...begun, PENSTOCK_HOUSEKEEP_KEEP_MS: 0 }, log);
    expect(await low()).toBe('15');
  });

  it('passes over what is too old to be read, for a group that is not there and for no other', async () => {
    const topic = await newTopic();
    await produce(topic, names('old', 10), { agoMs: 60_000 });
    await produce(topic, names('young', 5));
    const passOver = (group: string): Promise<void> =>
      passOverUnread(admin, { topic, groups: [group], keptMs: 30_000, log });
    const offsetOf = async (groupId: string): Promise<string | undefined> =>
      (await admin.fetchOffsets({ groupId, topics: [topic] }))[0]?.partitions[0]?.offset;

    await passOver(`absent-from-${topic}`);
    expect(await offsetOf(`absent-from-${topic}`)).toBe('10');
    const { handler, values } = collector();
    await consume(topic, handler, { groupId: `absent-from-${topic}` });
    await vi.waitFor(() => expect(values).toEqual(names('young', 5)), within);

    const holding = vi.fn(() => Promise.resolve({ consumed: 0, pauseUntil: new Promise(() => undefined) }));
    await consume(topic, holding, { groupId: `at-work-on-${topic}` });
    await vi.waitFor(() => expect(holding).toHaveBeenCalled(), within);
    await passOver(`at-work-on-${topic}`);
    expect(['-1', '0']).toContain(await offsetOf(`at-work-on-${topic}`));
  });
});
