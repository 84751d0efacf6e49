import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { scene } from '../../src/scenes/index.js';
import { Fleet, NOOP } from './fleet.js';
import { startBrokerProxy, type BrokerProxy } from './brokerProxy.js';
import { SERVERS, takeAway, waitsOf, type Server } from './outage.js';
import { endpointsNow, eventually, imageCounts, select, uploadAll, type Uploaded } from './pipeline.js';
import { residentMb, type RoleProcess } from './roleProcess.js';
import { Sender, type Load, type Sent } from './sender.js';
import { startSlowProxy, type SlowProxy } from './slowProxy.js';

/** How long a server stays away, seconds. The issue of it is a minute; more roles find out what they do in it. */
const AWAY_S = Number(process.env['AWAY_SECONDS'] ?? 12);
/** Temporal stays away longer than a lease, and then than a worker takes that has to pause because of it. */
const TEMPORAL_AWAY_S = Math.max(45, AWAY_S);
/** Until a role has noticed, on a machine that is busy: two questions that are not answered in 2.5 s. */
const NOTICED_MS = Math.max(20_000, AWAY_S * 1_000);
const PER_SECOND = 15;
const IN_FLIGHT = 2_000;
const MAY_GROW_MB = 64;
const SLOW_MS = 400;
const ROLES = ['intake', 'dispatcher', 'detector', 'orchestrator', 'ingester', 'sink'] as const;
type Role = (typeof ROLES)[number];

/** Who uses what, the name of the wait, and what it says. */
const USERS: Record<Server, { roles: readonly Role[]; wait: string; says: string }> = {
  kafka: { roles: ROLES, wait: 'kafka', says: 'Kafka is away' },
  temporal: {
    roles: ['dispatcher', 'detector', 'orchestrator', 'ingester'],
    wait: 'temporal',
    says: 'Temporal is away',
  },
  clickhouse: { roles: ['orchestrator', 'ingester', 'sink'], wait: 'clickhouse', says: 'ClickHouse is away' },
  gcs: { roles: ['detector', 'ingester'], wait: 'storage', says: 'the storage is away' },
};

let fleet: Fleet;
let intake: RoleProcess;
let sender: Sender;
let before: { pids: Record<string, number>; mb: Record<Role, number> };
const prefixes: { prefix: string; images: number }[] = [];
const away: (() => void)[] = [];
/** What sends until it is stopped, also where a test fails: it would be in the way of all that follow. */
const loads: Load[] = [];
const proxies: (BrokerProxy | SlowProxy)[] = [];

const back = (): void => {
  for (const bring of away.splice(0)) bring();
};

beforeAll(async () => {
  fleet = await Fleet.connect();
  await fleet.detector();
  intake = await fleet.role('intake', { PENSTOCK_DEFAULT_MODEL: NOOP });
  sender = new Sender(() => intake.address);
  const { pids } = await endpointsNow();
  before = { pids, mb: await resident() };
});

const steadily = (from: Sender, next: (index: number) => Sent): Load => {
  const load = from.steady(PER_SECOND, next);
  loads.push(load);
  return load;
};

afterEach(async () => {
  back();
  await Promise.allSettled(loads.splice(0).map((load) => load.stop()));
});

afterAll(async () => {
  await fleet.close(
    'away-',
    prefixes.reduce((sum, { images }) => sum + images, 0),
  );
  await Promise.all(proxies.map((proxy) => proxy.close()));
});

const noop =
  (prefix: string) =>
  (index: number): Sent => ({
    image: { bucket: 'uploads', object: `${prefix}${index}.jpg`, generation: '1' },
    resource: { contentType: 'image/jpeg', timeCreated: new Date().toISOString() },
  });

async function addressOf(role: Role): Promise<string> {
  if (role === 'intake') return intake.address;
  const { metrics } = await endpointsNow();
  return metrics[role] ?? '';
}

async function resident(): Promise<Record<Role, number>> {
  const { pids } = await endpointsNow();
  const entries = await Promise.all(ROLES.map(async (role) => [role, await residentMb(pids[role] ?? 0)] as const));
  return Object.fromEntries(entries) as Record<Role, number>;
}

async function pidsOfRoles(): Promise<(number | undefined)[]> {
  const { pids } = await endpointsNow();
  return ROLES.map((role) => pids[role]);
}

/** Each user of the server says that it is away, in `/readyz`. */
async function allSay(server: Server): Promise<void> {
  const { roles, wait, says } = USERS[server];
  await Promise.all(
    roles.map((role) =>
      eventually(
        async () => (await waitsOf(await addressOf(role)))[wait] ?? `${role} does not wait for ${wait}`,
        (said) => said.startsWith(says),
        NOTICED_MS,
      ),
    ),
  );
}

const asWait = (error: unknown): Record<string, string> => ({ nobody: String(error) });

async function allReady(): Promise<void> {
  for (const role of ROLES)
    await eventually(
      async () => ({ role, waits: await waitsOf(await addressOf(role)).catch(asWait) }),
      ({ waits }) => Object.keys(waits).length === 0,
      120_000,
    );
}

/** Each image once in images and in uploads, and none died. */
async function allThere(prefix: string, images: number): Promise<void> {
  prefixes.push({ prefix, images });
  const counts = await eventually(
    () => imageCounts(prefix),
    ({ rows }) => rows >= images,
    180_000,
  );
  expect(counts).toEqual({ rows: images, keys: images, detected: images, dead: 0 });
  const uploads = await eventually(
    () =>
      select<{ rows: number; keys: number }>(
        `SELECT count() AS rows, uniqExact(object, generation, model) AS keys FROM uploads WHERE startsWith(object, '${prefix}')`,
      ),
    ([found]) => (found?.rows ?? 0) >= images,
    60_000,
  );
  expect(uploads).toEqual([{ rows: images, keys: images }]);
}

/** The rollups say of everything what the tables say. */
async function rollupsAgree(): Promise<void> {
  const sums = (of: string): Promise<{ images: number; detections: number }[]> => select(`SELECT ${of}`);
  const base = await sums('(SELECT count() FROM images) AS images, (SELECT count() FROM detections) AS detections');
  expect(
    await eventually(
      () => sums('sum(images) AS images, sum(detections) AS detections FROM images_hourly'),
      ([rolled]) => (rolled?.images ?? 0) >= (base[0]?.images ?? 0),
      120_000,
    ),
  ).toEqual(base);
}

async function pictures(prefix: string, count: number): Promise<Uploaded[]> {
  const made = await Promise.all(Array.from({ length: 4 }, async (_, seed) => (await scene(seed)).jpeg));
  return uploadAll(
    Array.from({ length: count }, (_, index) => ({
      name: `${prefix}${index}.jpg`,
      bytes: made[index % made.length] ?? Buffer.alloc(0),
    })),
  );
}

describe(`a server that is away under load, for ${AWAY_S} s, Temporal for ${TEMPORAL_AWAY_S} s`, () => {
  it.each(SERVERS)(
    '%s: its users say so and wait, intake refuses for Kafka alone, and nothing is lost or twice',
    { timeout: 420_000 },
    async (server) => {
      const prefix = `away-${server}/`;
      const load = steadily(sender, noop(prefix));
      await sleep(2_000);
      const beganMs = performance.now();
      away.push(await takeAway(server, 'hung'));
      const seen = pictures(`away-pictures-${server}/`, 20);
      await allSay(server);
      const awayMs = 1_000 * (server === 'temporal' ? TEMPORAL_AWAY_S : AWAY_S);
      await sleep(Math.max(0, awayMs - (performance.now() - beganMs)));
      const endedMs = performance.now();
      back();
      await allReady();
      const sent = await load.stop();
      await seen;
      expect(sender.statuses(beganMs, endedMs).filter((status) => status !== 200 && status !== 204)).toEqual(
        server === 'kafka' ? [503] : [],
      );
      await allThere(prefix, sent);
      await allThere(`away-pictures-${server}/`, 20);
      expect(await pidsOfRoles()).toEqual(ROLES.map((role) => before.pids[role]));
    },
  );

  it(
    `all four at once, killed, with ${IN_FLIGHT} images in flight: everything is there once after`,
    { timeout: 600_000 },
    async () => {
      const prefix = 'away-all/';
      await fleet.change({ set: { model: NOOP, cap: 20 } });
      const first = Array.from({ length: IN_FLIGHT }, (_, index) => noop(prefix)(index));
      for (let at = 0; at < first.length; at += 100)
        await Promise.all(first.slice(at, at + 100).map((one) => sender.send(one)));
      const load = steadily(sender, (index) => noop(prefix)(IN_FLIGHT + index));
      const { rows } = await imageCounts(prefix);
      expect(IN_FLIGHT - rows).toBeGreaterThan(IN_FLIGHT / 2);
      const beganMs = performance.now();
      away.push(...(await Promise.all(SERVERS.map((server) => takeAway(server, 'killed')))));
      await Promise.all(SERVERS.map(allSay));
      await sleep(Math.max(0, AWAY_S * 1_000 - (performance.now() - beganMs)));
      back();
      await allReady();
      await fleet.change({ set: { model: NOOP, cap: 'default' } });
      const sent = IN_FLIGHT + (await load.stop());
      await allThere(prefix, sent);
      await rollupsAgree();
      expect(await pidsOfRoles()).toEqual(ROLES.map((role) => before.pids[role]));
      const now = await resident();
      for (const role of ROLES)
        expect(now[role] - before.mb[role], `MB that ${role} grew by`).toBeLessThan(MAY_GROW_MB);
    },
  );
});

it(`servers that answer ${SLOW_MS} ms late slow roles down, and make none of them wait or refuse`, async () => {
  const { kafka, clickhouse, gcs } = await endpointsNow();
  const broker = await startBrokerProxy(kafka);
  broker.slow(SLOW_MS);
  const late = await Promise.all([clickhouse, gcs].map((url) => startSlowProxy(new URL(url).host, SLOW_MS)));
  proxies.push(broker, ...late);
  const [tables, storage] = late.map(({ address }) => `http://${address}`);
  const slow = { PENSTOCK_KAFKA_BROKERS: broker.address };
  const roles = await Promise.all([
    fleet.role('intake', { ...slow, PENSTOCK_DEFAULT_MODEL: NOOP }),
    fleet.role('sink', { ...slow, PENSTOCK_CLICKHOUSE_URL: tables ?? '' }),
    fleet.role('detector', { ...slow, PENSTOCK_GCS_ENDPOINT: storage ?? '', PENSTOCK_DETECT_CHILDREN: '1' }),
  ]);
  const slowly = new Sender(() => roles[0].address);
  const load = steadily(slowly, noop('away-slow/'));
  await pictures('away-pictures-slow/', 40);
  await sleep(5_000);
  const sent = await load.stop();
  for (const { address } of roles) expect(await waitsOf(address)).toEqual({});
  expect(slowly.statuses(0, Infinity).every((status) => status === 200 || status === 204)).toBe(true);
  await allThere('away-slow/', sent);
  await allThere('away-pictures-slow/', 40);
});
