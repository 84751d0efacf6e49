import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../telemetry/index.js';
import type { Warehouse } from './warehouse.js';

/** What the comment of a lock table says. */
interface LockState {
  owner: string;
  /** Host and pid, for a person. */
  holder: string;
  /** Milliseconds since the epoch, by the server's clock; 0 when released. */
  untilMs: number;
}

export interface MigrationLock {
  /** Throws when the lock has been lost; prolongs it otherwise. */
  keep(): Promise<void>;
  release(): Promise<void>;
}

const PREFIX = 'schema_migrations_lock_';
const HELD_MS = 300_000;
const POLL_MS = 250;
const TABLE_ALREADY_EXISTS = 57;

/**
 * A lock without Keeper or transactions, from the one thing that ClickHouse does atomically on every engine: creating a
 * table that does not exist. The lock is the table `schema_migrations_lock_<n>` with the highest n; its comment names
 * owner and expiry. Whoever finds it released or expired creates n + 1, which only one can; a loser that was slow and
 * created an older number sees the higher one and steps back. The highest table always stays, so a number is never
 * given twice. A holder that dies leaves the lock to expire after five minutes.
 */
export async function acquireMigrationLock(
  warehouse: Warehouse,
  options: { log: Logger; waitMs: number },
): Promise<MigrationLock> {
  const owner = randomUUID();
  const deadline = Date.now() + options.waitMs;
  let told = false;
  for (;;) {
    const now = await serverMs(warehouse);
    const current = await currentLock(warehouse);
    if (current === undefined || current.state.untilMs <= now) {
      const number = (current?.number ?? 0) + 1;
      if (await create(warehouse, number, stateOf(owner, now)))
        return { keep: () => keep(warehouse, number, owner), release: () => release(warehouse, number, owner) };
      continue;
    }
    if (!told) options.log.info({ holder: current.state.holder }, 'another migration runs, waiting for it');
    told = true;
    if (Date.now() > deadline)
      throw new Error(
        `migrations are locked by ${current.state.holder} until ${new Date(current.state.untilMs).toISOString()}`,
      );
    await sleep(POLL_MS);
  }
}

function stateOf(owner: string, now: number): LockState {
  return { owner, holder: `${hostname()}/${process.pid}`, untilMs: now + HELD_MS };
}

async function create(warehouse: Warehouse, number: number, state: LockState): Promise<boolean> {
  try {
    await warehouse.command(
      `CREATE TABLE ${PREFIX}${number} (nothing UInt8) ENGINE = MergeTree ORDER BY tuple() COMMENT ${literal(state)}`,
    );
  } catch (error) {
    if ((error as { code?: unknown }).code === TABLE_ALREADY_EXISTS) return false;
    throw error;
  }
  const highest = await currentLock(warehouse);
  if (highest?.number !== number) {
    await warehouse.command(`DROP TABLE IF EXISTS ${PREFIX}${number}`);
    return false;
  }
  for (const older of await lockNumbers(warehouse)) {
    if (older < number) await warehouse.command(`DROP TABLE IF EXISTS ${PREFIX}${older}`);
  }
  return true;
}

async function keep(warehouse: Warehouse, number: number, owner: string): Promise<void> {
  const now = await serverMs(warehouse);
  const current = await currentLock(warehouse);
  if (current?.number !== number || current.state.untilMs <= now)
    throw new Error('the migration lock was lost: another process took over after this one stalled');
  await warehouse.command(`ALTER TABLE ${PREFIX}${number} MODIFY COMMENT ${literal(stateOf(owner, now))}`);
}

async function release(warehouse: Warehouse, number: number, owner: string): Promise<void> {
  const current = await currentLock(warehouse);
  if (current?.number !== number || current.state.owner !== owner) return;
  const released: LockState = { ...current.state, untilMs: 0 };
  await warehouse.command(`ALTER TABLE ${PREFIX}${number} MODIFY COMMENT ${literal(released)}`);
}

async function currentLock(warehouse: Warehouse): Promise<{ number: number; state: LockState } | undefined> {
  const locks = await lockTables(warehouse);
  const number = Math.max(...locks.keys());
  const comment = locks.get(number);
  return comment === undefined ? undefined : { number, state: JSON.parse(comment) as LockState };
}

async function lockNumbers(warehouse: Warehouse): Promise<number[]> {
  return [...(await lockTables(warehouse)).keys()];
}

async function lockTables(warehouse: Warehouse): Promise<Map<number, string>> {
  const tables = await warehouse.query<{ name: string; comment: string }>(
    'SELECT name, comment FROM system.tables WHERE database = currentDatabase() AND startsWith(name, {prefix:String})',
    { prefix: PREFIX },
  );
  return new Map(tables.map(({ name, comment }) => [Number(name.slice(PREFIX.length)), comment]));
}

/** All parties go by the server's clock. */
async function serverMs(warehouse: Warehouse): Promise<number> {
  const [row] = await warehouse.query<{ ms: string }>('SELECT toUnixTimestamp64Milli(now64(3)) AS ms');
  return Number(row?.ms);
}

function literal(state: LockState): string {
  return `'${JSON.stringify(state).replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
