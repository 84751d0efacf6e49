import { setTimeout as sleep } from 'node:timers/promises';
import type { RoleContext } from '../service/index.js';
import { toWarehouseError, WarehouseError } from './errors.js';
import { readMigrations, type Migration } from './migrationFiles.js';
import { appliedMigrations } from './migrate.js';
import type { Warehouse } from './warehouse.js';

export interface AwaitSchemaOptions {
  /** Goes on when ClickHouse has not told for so long what it has, being away or refusing; milliseconds. Default: it is waited for. */
  awayMs?: number;
  /** Default 1,000. */
  askEveryMs?: number;
  /** Other files than the ones that come with Penstock; for tests. */
  migrations?: readonly Migration[];
}

/** While the same thing is waited for it is logged so often. */
const SAY_AGAIN_MS = 60_000;
/** Bound on one question. */
const ANSWER_MS = 5_000;
const UNKNOWN_DATABASE = 81;

/**
 * Waits until every migration that this program knows has been applied; `/readyz` says which one is missing. A newer
 * schema is fine: migrations of a release only add, and a role names every column that it writes or reads.
 */
export async function awaitSchema(
  warehouse: Warehouse,
  { log, waits, stopping }: Pick<RoleContext, 'log' | 'waits' | 'stopping'>,
  options: AwaitSchemaOptions = {},
): Promise<void> {
  const known = options.migrations ?? (await readMigrations());
  const answered = { atMs: performance.now() };
  let said = { sentence: '', atMs: 0 };
  for (;;) {
    stopping.throwIfAborted();
    const sentence = await missing(warehouse, known, answered);
    if (sentence === undefined) break;
    const nowMs = performance.now();
    if (nowMs - answered.atMs > (options.awayMs ?? Infinity)) {
      log.warn({ sentence }, 'goes on without having seen the schema');
      break;
    }
    waits.set('schema', sentence);
    if (sentence !== said.sentence || nowMs - said.atMs > SAY_AGAIN_MS) {
      log.warn({ sentence }, 'the schema is not there yet');
      said = { sentence, atMs: nowMs };
    }
    await sleep(options.askEveryMs ?? 1_000, undefined, { signal: stopping });
  }
  waits.delete('schema');
}

/** What is missing, as a sentence. */
async function missing(
  warehouse: Warehouse,
  known: readonly Migration[],
  answered: { atMs: number },
): Promise<string | undefined> {
  try {
    const applied = await Promise.race([appliedOrNone(warehouse), noAnswer()]);
    answered.atMs = performance.now();
    const other = known.find(({ version, checksum }) => (applied.get(version) ?? checksum) !== checksum);
    if (other !== undefined) return `waits for migration ${other.name}: the database has another one of that number`;
    const first = known.find(({ version }) => !applied.has(version));
    return first === undefined ? undefined : `waits for migration ${first.name}: run penstock migrate`;
  } catch (error) {
    return `waits for ClickHouse: ${toWarehouseError(error).message.slice(0, 200)}`;
  }
}

/** A database that nobody has made yet has no migrations. */
async function appliedOrNone(warehouse: Warehouse): Promise<Map<number, string>> {
  return appliedMigrations(warehouse).catch((error: unknown) => {
    if (error instanceof WarehouseError && error.code === UNKNOWN_DATABASE) return new Map<number, string>();
    throw error;
  });
}

async function noAnswer(): Promise<never> {
  await sleep(ANSWER_MS, undefined, { ref: false });
  throw new WarehouseError('unavailable', undefined, `no answer within ${ANSWER_MS / 1000} s`);
}
