import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, statfs, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigResourceTypes, Kafka, logLevel, type Admin } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { StatusReport } from '../../src/operations/index.js';
import { loadConfig, type Config } from '../../src/config/index.js';
import { dispatcherGroup, imageEventsTopic, SINK_GROUP } from '../../src/domain/index.js';
import { roleEnvironment } from '../../src/embedded/index.js';
import { createConsumer, deleteConsumedRecords, ensureTopics } from '../../src/stream/index.js';
import { createLogger, createMetrics } from '../../src/telemetry/index.js';
import { startKafka, type KafkaServer } from './kafkaServer.js';
import { eventually } from './pipeline.js';
import { startRole, type RoleProcess } from './roleProcess.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const DAY_MS = 86_400_000;
const TOPIC = imageEventsTopic('bulk');
/** Somebody else's, on the same broker: it tells when the broker has deleted what is old. */
const OTHERS = 'others';
const log = createLogger('test', 'silent');

/** A broker that keeps a second, and looks every 300 ms for what is older, with the topics that Penstock makes on it. */
let broker: KafkaServer;
let environment: Record<string, string>;
let config: Config;
let kafka: Kafka;
let admin: Admin;

beforeAll(async () => {
  broker = await startKafka(
    'log.retention.ms=1000\nlog.retention.check.interval.ms=300\nlog.initial.task.delay.ms=500\n',
  );
  environment = {
    ...roleEnvironment(inject('endpoints')),
    PENSTOCK_KAFKA_BROKERS: broker.address,
    PENSTOCK_KAFKA_PARTITIONS: '2',
  };
  config = loadConfig(environment);
  kafka = new Kafka({ clientId: 'retention-test', brokers: [broker.address], logLevel: logLevel.NOTHING });
  admin = kafka.admin();
  await admin.connect();
  await ensureTopics(config, log);
  // A broker that has just started has to load its commits first.
  await eventually(
    () => deleteConsumedRecords(config, log),
    () => true,
    30_000,
  );
});

afterAll(async () => {
  await admin.disconnect();
  await broker.stop();
});

/** Writes records of 300 KB, the first `days` old and each a day younger: they fill segments. */
async function produceOld(topic: string, count: number, days: number): Promise<void> {
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  for (let index = 0; index < count; index += 1) {
    const timestamp = String(Date.now() - (days - index) * DAY_MS);
    await producer.send({ topic, acks: -1, messages: [{ partition: 0, timestamp, value: randomBytes(300_000) }] });
  }
  await producer.disconnect();
}

async function produce(topic: string, partition: number, count: number): Promise<void> {
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  await producer.send({ topic, acks: -1, messages: Array.from({ length: count }, () => ({ partition, value: 'r' })) });
  await producer.disconnect();
}

async function ends(topic: string, partition = 0): Promise<{ low: string; high: string }> {
  const offsets = await admin.fetchTopicOffsets(topic);
  const found = offsets.find((one) => one.partition === partition);
  return { low: found?.low ?? '', high: found?.high ?? '' };
}

async function committed(groupId: string, topic: string, partition: number): Promise<string | undefined> {
  const [answer] = await admin.fetchOffsets({ groupId, topics: [topic] });
  return answer?.partitions.find((one) => one.partition === partition)?.offset;
}

const commit = (groupId: string, topic: string, offset: number): Promise<void> =>
  admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: String(offset) }] }).then(() => undefined);

async function set(topic: string, settings: Record<string, string>): Promise<void> {
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }],
  });
}

async function settings(topic: string, ...names: string[]): Promise<Record<string, string>> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: names }],
  });
  const entries = resources[0]?.configEntries ?? [];
  return Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue]));
}

const KEPT = { 'retention.ms': '-1', 'retention.bytes': '-1', 'cleanup.policy': 'delete', 'segment.bytes': '1048576' };
const NAMES = Object.keys(KEPT);

describe('a backlog that is older than any retention', () => {
  const group = dispatcherGroup('bulk');
  const withAnalysts = (): Config => ({ ...config, PENSTOCK_HOUSEKEEP_GROUPS: [`${TOPIC}=analysts`] });

  it('loses nothing that a named group has not read, whatever the broker deletes, and all of it once all have', async () => {
    expect(await settings(TOPIC, ...NAMES)).toEqual({ ...KEPT, 'segment.bytes': '67108864' });
    await set(TOPIC, KEPT);
    await admin.createTopics({ topics: [{ topic: OTHERS, numPartitions: 1 }], waitForLeaders: true });
    await produceOld(TOPIC, 12, 400);
    // Written after, deleted before: by then the broker has looked at the first topic as well.
    await set(OTHERS, { 'segment.bytes': '1048576' });
    await produceOld(OTHERS, 12, 400);
    await eventually(
      () => ends(OTHERS),
      ({ low }) => low === '12',
      30_000,
    );
    expect(await ends(TOPIC)).toEqual({ low: '0', high: '12' });

    const housekeep = async (): Promise<string> => {
      await deleteConsumedRecords(withAnalysts(), log);
      return (await ends(TOPIC)).low;
    };
    expect(await housekeep()).toBe('0');
    await Promise.all([commit(group, TOPIC, 9), commit(SINK_GROUP, TOPIC, 7), commit('stranger', TOPIC, 12)]);
    expect(await housekeep()).toBe('0');
    await commit('analysts', TOPIC, 4);
    expect(await housekeep()).toBe('4');
    await Promise.all([commit(group, TOPIC, 12), commit('analysts', TOPIC, 12)]);
    expect(await housekeep()).toBe('7');

    const read: bigint[] = [];
    const consumer = await createConsumer({
      ...{ config, log, metrics: createMetrics('test'), groupId: SINK_GROUP, topics: [TOPIC] },
      handler: ({ records }) => {
        read.push(...records.map(({ offset }) => offset));
        return Promise.resolve({ consumed: records.length });
      },
      onFatal: (error) => {
        throw error;
      },
    });
    await eventually(
      () => committed(SINK_GROUP, TOPIC, 0),
      (offset) => offset === '12',
      30_000,
    );
    await consumer.close();
    expect(read).toEqual([7n, 8n, 9n, 10n, 11n]);
    expect(await housekeep()).toBe('12');
  });

  it('is safe again soon after somebody has set a retention on its topic, who is told; other settings stay', async () => {
    const metrics = createMetrics('test');
    const consumer = await createConsumer({
      ...{ config, log, metrics, groupId: 'retention-watch', topics: [TOPIC], watchEveryMs: 100 },
      handler: ({ records }) => Promise.resolve({ consumed: records.length }),
      onFatal: (error) => {
        throw error;
      },
    });
    try {
      const wrong = { ...KEPT, 'retention.ms': String(500 * DAY_MS), 'cleanup.policy': 'compact,delete' };
      await set(TOPIC, wrong);
      await eventually(
        () => settings(TOPIC, ...NAMES),
        (now) => NAMES.every((name) => now[name] === KEPT[name as keyof typeof KEPT]),
        30_000,
      );
      const counted = await metrics.registry.getSingleMetricAsString('penstock_stream_wrong_retention_total');
      expect(counted).toMatch(/^penstock_stream_wrong_retention_total\{topic="penstock\.image-events\.bulk".*\} 1$/m);
    } finally {
      await consumer.close();
    }
  });

  it('is safe when a role starts on topics that somebody else has made', async () => {
    await set(TOPIC, { 'retention.bytes': String(2 ** 40), 'segment.bytes': '1048576' });
    await ensureTopics(config, log);
    expect(await settings(TOPIC, ...NAMES)).toEqual(KEPT);
  });
});

describe("the watermark of the broker's disk", () => {
  it.runIf(process.platform === 'linux')(
    'turns intake to 503 with Retry-After, seen in metrics and readiness, and back to 200 (needs /proc)',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'penstock-disk-'));
      const disk = join(folder, 'disk');
      // A disk that changes without writing 100 GB: a link to one that is empty for ever, or to the one of this machine.
      const point = async (to: string): Promise<void> => {
        await rm(disk, { force: true });
        await symlink(to, disk);
      };
      const { blocks, bavail } = await statfs(folder);
      const watermark = (1 - bavail / blocks) / 2;
      expect(watermark).toBeGreaterThan(0.01);
      await point('/proc');
      const intake = await startRole('intake', {
        ...environment,
        PENSTOCK_KAFKA_DISK_PATH: disk,
        PENSTOCK_KAFKA_DISK_WATERMARK: String(watermark),
      });
      try {
        const before = await post(intake);
        expect(before.status).toBe(200);
        await point(folder);
        await eventually(
          () => readiness(intake),
          ({ status }) => status === 503,
          10_000,
        );
        expect((await readiness(intake)).text).toContain("the broker's disk is above its watermark");
        const refused = await post(intake);
        expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '30']);
        expect(await metric(intake, 'penstock_intake_events_total{outcome="unavailable_disk"')).toBe(1);
        expect(await metric(intake, 'penstock_intake_disk_used_ratio')).toBeGreaterThan(watermark);
        await point('/proc');
        await eventually(
          () => readiness(intake),
          ({ status }) => status === 200,
          10_000,
        );
        expect((await post(intake)).status).toBe(200);
        expect(await metric(intake, 'penstock_intake_events_total{outcome="accepted"')).toBe(2);
      } finally {
        await intake.stop();
        await rm(folder, { recursive: true });
      }
    },
  );
});

describe('records that are deleted before they were read', () => {
  it('stop their partition, are counted exactly, and readiness, status and the log say so; others go on', async () => {
    const topic = imageEventsTopic('express');
    const started = await startRole('sink', environment);
    await produce(topic, 0, 10);
    await produce(topic, 1, 10);
    for (const partition of [0, 1])
      await eventually(
        () => committed(SINK_GROUP, topic, partition),
        (offset) => offset === '10',
        30_000,
      );
    await started.stop();
    await produce(topic, 0, 12);
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '17' }] });
    await produce(topic, 1, 10);

    const sink = await startRole('sink', { ...environment, PENSTOCK_LOG_LEVEL: 'error' }, { mayWait: true });
    try {
      const sentence = `${topic}/0: 7 records are gone unread; the partition is stopped`;
      await eventually(
        () => readiness(sink),
        ({ status, text }) => status === 503 && text.includes(sentence),
        30_000,
      );
      await eventually(
        () => committed(SINK_GROUP, topic, 1),
        (offset) => offset === '20',
        30_000,
      );
      expect(await metric(sink, `penstock_stream_missing_records_total{topic="${topic}"`)).toBe(7);
      expect(
        sink
          .logged()
          .split('\n')
          .filter((line) => line.includes(sentence)),
      ).toHaveLength(1);
      expect(await committed(SINK_GROUP, topic, 0)).toBe('10');
      const { code, report } = await status();
      expect([code, report.healthy]).toEqual([1, false]);
      expect(report.backlog).toContainEqual({ topic, group: SINK_GROUP, lane: null, records: 5, missing: 7 });
    } finally {
      await sink.stop();
    }
  });
});

function post({ address }: RoleProcess): Promise<Response> {
  const headers = {
    'content-type': 'application/json',
    'ce-specversion': '1.0',
    'ce-type': 'google.cloud.storage.object.v1.finalized',
    'ce-source': 's',
    'ce-id': randomUUID(),
  };
  const object = { bucket: 'b', name: 'a.jpg', generation: '1', timeCreated: new Date().toISOString() };
  return fetch(`${address}/events/gcs`, { method: 'POST', headers, body: JSON.stringify({ ...object, size: '7' }) });
}

async function readiness({ address }: RoleProcess): Promise<{ status: number; text: string }> {
  const response = await fetch(`${address}/readyz`);
  return { status: response.status, text: await response.text() };
}

/** The value of the first series whose line begins so. */
async function metric({ address }: RoleProcess, begin: string): Promise<number> {
  const text = await (await fetch(`${address}/metrics`)).text();
  return Number(/ (\S+)$/.exec(text.split('\n').find((line) => line.startsWith(begin)) ?? '')?.[1]);
}

/** What `penstock status` says where the environment points at this broker. */
function status(): Promise<{ code: number; report: StatusReport }> {
  return new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], ...environment };
    execFile(process.execPath, [MAIN, 'status', '--json'], { env }, (error, stdout) =>
      resolve({ code: error === null ? 0 : Number(error.code), report: JSON.parse(stdout) as StatusReport }),
    );
  });
}
