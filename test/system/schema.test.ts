import { pino } from 'pino';
import { afterAll, expect, inject, it } from 'vitest';
import { scene } from '../../src/scenes/index.js';
import { connectWarehouse, migrate, type Warehouse } from '../../src/warehouse/index.js';
import { readMigrations, type Migration } from '../../src/warehouse/migrationFiles.js';
import { eventually, imageCounts, select, uploadAll } from './pipeline.js';
import { restartRole } from './restartRole.js';
import { startRole, type RoleProcess } from './roleProcess.js';

const log = pino({ level: 'silent' });
const NOBODY = '127.0.0.1:1';
const BEFORE = 'schema_before';
/** Tables that roles write and read. */
const TABLES = ['image_results', 'upload_events', 'dead_letter_records', 'image_rollups', 'capacity_change_records'];
const NAME = '9001_later';
const later: Migration = {
  version: 9001,
  name: NAME,
  checksum: 'later',
  statements: [
    ...TABLES.map((table) => `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS later String DEFAULT 'later'`),
    ...TABLES.slice(0, 1).map((table) => `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS early UInt8 DEFAULT 1 FIRST`),
    'CREATE TABLE IF NOT EXISTS later_table (n UInt8) ENGINE = MergeTree ORDER BY n',
  ],
};

const account = (database: string) => ({
  ...{ url: inject('endpoints').clickhouse, username: 'default', password: '', database },
});
const open: Warehouse[] = [];
const roles: RoleProcess[] = [];

afterAll(async () => {
  await Promise.all(roles.map((role) => role.stop()));
  const warehouse = connected('penstock');
  await warehouse.command(`DROP DATABASE IF EXISTS ${BEFORE}`);
  await warehouse.command('DROP TABLE IF EXISTS later_table');
  for (const table of TABLES) await warehouse.command(`ALTER TABLE ${table} DROP COLUMN IF EXISTS later`);
  await warehouse.command(`ALTER TABLE image_results DROP COLUMN IF EXISTS early`);
  await warehouse.command(
    `ALTER TABLE schema_migrations DELETE WHERE version = ${later.version} SETTINGS mutations_sync = 1`,
  );
  await Promise.all(open.map((one) => one.close()));
});

function connected(database: string): Warehouse {
  const warehouse = connectWarehouse(account(database), { retentionDays: 396, log });
  open.push(warehouse);
  return warehouse;
}

/** Beside the stack, and kept from its work: one of the servers that the role needs next is nowhere. */
async function beside(name: string, nowhere: Record<string, string>): Promise<RoleProcess> {
  const environment = { PENSTOCK_CLICKHOUSE_DATABASE: BEFORE, PENSTOCK_LOG_LEVEL: 'warn', ...nowhere };
  const role = await startRole(name, environment, { mayWait: true });
  roles.push(role);
  return role;
}

async function waits({ address }: RoleProcess): Promise<Record<string, string>> {
  const { waits = {} } = (await (await fetch(`${address}/readyz`)).json()) as { waits?: Record<string, string> };
  return waits;
}

it('roles that are started before the migrations wait for them, say for which, and go on once they have run', async () => {
  const started = await Promise.all([
    beside('sink', { PENSTOCK_KAFKA_BROKERS: NOBODY }),
    beside('orchestrator', { TEMPORAL_ADDRESS: NOBODY }),
  ]);
  const [first, second, ...rest] = await readMigrations();
  if (first === undefined || second === undefined) throw new Error('no migrations');
  const waitFor = async ({ name }: Migration): Promise<void> => {
    for (const role of started)
      await eventually(
        () => waits(role),
        ({ schema }) => schema === `waits for migration ${name}: run penstock migrate`,
        20_000,
      );
  };
  await waitFor(first);
  await migrate({ ...account(BEFORE), log, migrations: [first] });
  await waitFor(second);
  await migrate({ ...account(BEFORE), log, migrations: [first, second, ...rest] });
  for (const role of started)
    await eventually(
      () => waits(role),
      ({ schema, kafka, temporal }) => schema === undefined && (kafka ?? temporal) !== undefined,
      20_000,
    );
  // A line for each thing that is waited for, not for each time that it is asked for.
  for (const role of started) {
    const sentences = role.logged().match(/waits for migration \d+/g) ?? [];
    expect(sentences).toEqual([...new Set(sentences)].sort());
  }
});

it('roles go on, and start, on a schema that is newer than they know: each image is stored and counted', async () => {
  const images = async (prefix: string): Promise<void> => {
    const pictures = await Promise.all(
      Array.from({ length: 10 }, async (_, seed) => ({
        name: `${prefix}${seed}.jpg`,
        bytes: (await scene(seed)).jpeg,
      })),
    );
    await uploadAll([...pictures, { name: `${prefix}no-picture.jpg`, bytes: Buffer.from('no picture') }]);
    const counts = await eventually(
      () => imageCounts(prefix),
      ({ rows }) => rows >= 11,
      60_000,
    );
    expect(counts).toEqual({ rows: 11, keys: 11, detected: 10, dead: 1 });
    const [uploads] = await select(`SELECT count() AS n FROM uploads WHERE startsWith(object, '${prefix}')`);
    expect(uploads).toEqual({ n: 11 });
    const [base] = await select<{ n: number }>('SELECT count() AS n FROM images');
    await eventually(
      async () => (await select<{ n: number }>('SELECT sum(images) AS n FROM images_hourly'))[0]?.n,
      (rolled) => rolled === base?.n,
      60_000,
    );
  };
  const { applied } = await migrate({ ...account('penstock'), log, migrations: [...(await readMigrations()), later] });
  expect(applied).toEqual([NAME]);
  await images('schema/running/');
  for (const role of ['sink', 'orchestrator']) await restartRole(role);
  await images('schema/started/');
});
