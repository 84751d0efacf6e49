import { describe, expect, it } from 'vitest';
import { awaitSchema, WarehouseError, type AwaitSchemaOptions, type Warehouse } from '../../../src/warehouse/index.js';
import type { Migration } from '../../../src/warehouse/migrationFiles.js';
import { createLogger } from '../../../src/telemetry/index.js';

const migrations: Migration[] = [1, 2].map((version) => ({
  ...{ version, name: `000${version}_step`, checksum: `sum-${version}`, statements: [] },
}));

/** A database whose answer to what has been applied changes from one question to the next; the last one stays. */
function warehouseOf(...answers: (Pick<Migration, 'version' | 'checksum'>[] | Error)[]): Warehouse {
  let asked = 0;
  const never = (): Promise<never> => Promise.reject(new Error('not asked for'));
  return {
    ...{ retentionDays: 396, database: 'penstock', insert: never, command: never },
    ...{ insertFile: never, selectIntoFile: never },
    ...{ ping: never, close: () => Promise.resolve() },
    query: <Row>(sql: string) => {
      if (sql.includes('system.tables')) return Promise.resolve([{}] as Row[]);
      const answer = answers[Math.min(asked, answers.length - 1)];
      asked += 1;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer as Row[]);
    },
  };
}

function wait(warehouse: Warehouse, options: AwaitSchemaOptions = {}) {
  const lines: string[] = [];
  const log = createLogger('test', 'warn', {
    write: (line) => void lines.push(String((JSON.parse(line) as { sentence?: string }).sentence)),
  });
  const waits = new Map<string, string>();
  const stop = new AbortController();
  const waiting = awaitSchema(
    warehouse,
    { log, waits, stopping: stop.signal },
    { migrations, askEveryMs: 1, ...options },
  );
  return { waiting, lines, waits, stop };
}

const away = new WarehouseError('unavailable', undefined, 'connect ECONNREFUSED');

describe('the schema that a role knows', () => {
  it('is waited for one migration after the other, each said once; then nothing is waited for', async () => {
    const [one, two] = migrations.map(({ version, checksum }) => ({ version, checksum }));
    if (one === undefined || two === undefined) throw new Error('no migrations');
    const { waiting, lines, waits } = wait(warehouseOf(away, away, [], [], [one], [one], [one, two]));
    await waiting;
    expect(lines).toEqual([
      'waits for ClickHouse: connect ECONNREFUSED',
      'waits for migration 0001_step: run penstock migrate',
      'waits for migration 0002_step: run penstock migrate',
    ]);
    expect(waits.size).toBe(0);
  });

  it('may be older than what the database has', async () => {
    const newer = [...migrations, { version: 3, checksum: 'of a later release' }];
    await wait(warehouseOf(newer)).waiting;
  });

  it('is not there where a migration of that number is another one', async () => {
    const other = migrations.map(({ version }) => ({ version, checksum: version === 2 ? 'other' : 'sum-1' }));
    const { waiting, waits, stop } = wait(warehouseOf(other));
    await expect
      .poll(() => waits.get('schema'))
      .toMatch(/^waits for migration 0002_step: the database has another one/);
    stop.abort(new Error('role is stopping'));
    await expect(waiting).rejects.toThrow();
  });

  it('is gone on without where ClickHouse stays away and the role can do without', async () => {
    const { waiting, waits } = wait(warehouseOf(away), { awayMs: 20 });
    await waiting;
    expect(waits.size).toBe(0);
  });

  it('is gone on without, too, where ClickHouse refuses to tell', async () => {
    const refused = new WarehouseError('refused', 516, 'Authentication failed');
    const { waiting, lines } = wait(warehouseOf(refused), { awayMs: 20 });
    await waiting;
    expect(lines.at(-1)).toContain('Authentication failed');
  });

  it('is waited for also then when ClickHouse answers and has it not', async () => {
    const { waiting, waits, stop } = wait(warehouseOf([]), { awayMs: 20 });
    const still = Symbol('still');
    const later = new Promise((resolve) => setTimeout(() => resolve(still), 200));
    expect(await Promise.race([waiting, later])).toBe(still);
    expect(waits.get('schema')).toContain('0001_step');
    stop.abort(new Error('role is stopping'));
    await expect(waiting).rejects.toThrow();
  });
});
