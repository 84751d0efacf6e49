import { pino } from 'pino';
import { loadConfig } from '../../config/index.js';
import { ensureTopics } from '../../stream/index.js';
import { createLogger, reasonOf } from '../../telemetry/index.js';
import { migrate, MigrationError } from '../../warehouse/index.js';
import { EXIT, VerbError } from '../verb.js';
import type { MigrateFlags } from './index.js';

/** Applies what is missing and returns the exit code. */
export async function runMigrations(flags: MigrateFlags): Promise<number> {
  const config = loadConfig(process.env);
  const log = createLogger('migrate', flags.verbose ? 'info' : 'silent', pino.destination({ fd: 2, sync: true }));
  const { applied } = await migrate({
    url: config.PENSTOCK_CLICKHOUSE_URL,
    username: config.PENSTOCK_CLICKHOUSE_USER,
    password: config.PENSTOCK_CLICKHOUSE_PASSWORD,
    database: config.PENSTOCK_CLICKHOUSE_DATABASE,
    log,
  }).catch((error: unknown) => {
    const where = error instanceof MigrationError ? 'ClickHouse' : `ClickHouse at ${config.PENSTOCK_CLICKHOUSE_URL}`;
    throw new VerbError(`${where}: ${reasonOf(error)}`);
  });
  await ensureTopics(config, log).catch((error: unknown) => {
    throw new VerbError(`Kafka at ${config.PENSTOCK_KAFKA_BROKERS.join(',')}: ${reasonOf(error)}`);
  });
  const sentence = applied.length === 0 ? 'The tables are up to date.' : `Applied ${applied.join(', ')}.`;
  process.stdout.write(flags.json ? `${JSON.stringify({ applied })}\n` : `${sentence} The topics are there.\n`);
  return EXIT.ok;
}
