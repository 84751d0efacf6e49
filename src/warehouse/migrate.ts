import type { Logger } from '../telemetry/index.js';
import { readMigrations, type Migration } from './migrationFiles.js';
import { acquireMigrationLock } from './migrationLock.js';
import { connectWarehouse, createClickHouse, type ConnectionOptions, type Warehouse } from './warehouse.js';

/** The schema in the database is not one that this program can go on from; a person has to look. */
export class MigrationError extends Error {
  override name = 'MigrationError';
}

export interface MigrateOptions extends ConnectionOptions {
  log: Logger;
  /** Milliseconds to wait while another process migrates. Default 120,000. */
  waitMs?: number;
  /** Other files than the ones that come with Penstock; for tests. */
  migrations?: readonly Migration[];
}

/**
 * Brings the database (made if it is not there) to the schema of this program: applies each numbered file once, in
 * order, under a lock. Refuses when an applied one was changed or is not known here. A file that failed in the middle
 * is applied again from its start, so its statements must say IF NOT EXISTS or the like.
 */
export async function migrate(options: MigrateOptions): Promise<{ applied: string[] }> {
  const { log } = options;
  const migrations = options.migrations ?? (await readMigrations());
  await createDatabase(options);
  const warehouse = connectWarehouse(options, { retentionDays: 0, log });
  try {
    if ((await pendingOf(warehouse, migrations)).length === 0) return { applied: [] };
    const lock = await acquireMigrationLock(warehouse, { log, waitMs: options.waitMs ?? 120_000 });
    try {
      await warehouse.command(MIGRATIONS_TABLE);
      const applied: string[] = [];
      for (const migration of await pendingOf(warehouse, migrations)) {
        for (const statement of migration.statements) {
          await lock.keep();
          await warehouse.command(statement);
        }
        await lock.keep();
        await record(warehouse, migration);
        log.info({ migration: migration.name }, 'migration applied');
        applied.push(migration.name);
      }
      return { applied };
    } finally {
      await lock.release();
    }
  } finally {
    await warehouse.close();
  }
}

/** Names of the migrations that the database still lacks; throws `MigrationError` when it has other ones. */
export async function pendingMigrations(warehouse: Warehouse): Promise<string[]> {
  return (await pendingOf(warehouse, await readMigrations())).map(({ name }) => name);
}

const MIGRATIONS_TABLE = `
  CREATE TABLE IF NOT EXISTS schema_migrations
  (version UInt32, name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
  ENGINE = ReplacingMergeTree ORDER BY version`;

async function createDatabase(options: MigrateOptions): Promise<void> {
  const client = createClickHouse({ ...options, database: 'default' });
  try {
    await client.command({ query: `CREATE DATABASE IF NOT EXISTS \`${options.database.replaceAll('`', '``')}\`` });
  } finally {
    await client.close();
  }
}

async function record(warehouse: Warehouse, { version, name, checksum }: Migration): Promise<void> {
  await warehouse.command(
    'INSERT INTO schema_migrations (version, name, checksum) SELECT {version:UInt32}, {name:String}, {checksum:String}',
    { version, name, checksum },
  );
}

/** Checksum of each applied migration by its number. */
export async function appliedMigrations(warehouse: Warehouse): Promise<Map<number, string>> {
  return new Map((await readApplied(warehouse)).map(({ version, checksum }) => [version, checksum]));
}

async function readApplied(warehouse: Warehouse): Promise<Pick<Migration, 'version' | 'name' | 'checksum'>[]> {
  const [table] = await warehouse.query(
    'SELECT 1 FROM system.tables WHERE database = {database:String} AND name = {name:String}',
    { database: warehouse.database, name: 'schema_migrations' },
  );
  if (table === undefined) return [];
  return warehouse.query('SELECT version, name, checksum FROM schema_migrations FINAL ORDER BY version');
}

async function pendingOf(warehouse: Warehouse, migrations: readonly Migration[]): Promise<Migration[]> {
  const applied = await readApplied(warehouse);
  for (const { version, name, checksum } of applied) {
    const known = migrations.find((migration) => migration.version === version);
    if (known === undefined)
      throw new MigrationError(`migration ${name} was applied to the database but is not part of this program`);
    if (known.checksum !== checksum)
      throw new MigrationError(
        `migration ${name} was changed after it was applied: undo the change and add a new migration instead`,
      );
  }
  const done = new Set(applied.map(({ version }) => version));
  return migrations.filter(({ version }) => !done.has(version));
}
