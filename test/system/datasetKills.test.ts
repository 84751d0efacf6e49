import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  connectTemporal,
  datasetEnd,
  datasetProgress,
  startDatasetRun,
  type TemporalClient,
} from '../../src/client/index.js';
import { pointAtStack } from '../../src/embedded/index.js';
import { applyManifests, landed, putObjects } from './datasets/rig.js';
import { endpointsNow } from './pipeline.js';
import { killProcess } from './restartRole.js';

/** A process that is killed at each step of a run: the table is what the files say, counted once. */

const FILES = 6;
const ROWS = 6_000;
/** One in so many rows has no amount that can be read, and one in so many repeats an id that came before. */
const BAD = 97;
const AGAIN = 41;
const STEPS = ['planning', 'staging', 'checking', 'loading', 'publishing'] as const;
const MINUTES_MS = 300_000;
const BUCKET = 'killed-exports';

const manifest = (name: string): string => `
version: penstock/v1
name: ${name}
source: { type: objects, bucket: ${BUCKET}, match: ['orders/*.csv'] }
format: { type: csv }
columns:
  - { name: id, type: UInt64 }
  - { name: amount, type: 'Decimal(18, 2)' }
  - { name: at, type: DateTime64(3) }
checks: { columns: [{ column: amount, min: 0 }], maxQuarantined: 5 % }
target: { mode: append, key: [id], partitionBy: toYYYYMM(at), orderBy: [at, id], ttl: { column: at, after: 3650d } }
`;

interface Expected {
  amounts: Map<number, string>;
  read: number;
  quarantined: number;
  duplicates: number;
}

/** Files, and what is in them by plain counting. */
function generate(): { files: { name: string; bytes: Buffer }[]; expected: Expected } {
  const expected: Expected = { amounts: new Map(), read: 0, quarantined: 0, duplicates: 0 };
  const files = Array.from({ length: FILES }, (_, file) => {
    const lines = ['id,amount,at'];
    for (let row = 0; row < ROWS; row += 1) {
      const number = file * ROWS + row;
      const id = number % AGAIN === AGAIN - 1 ? Math.floor(number / 2) : number;
      const amount = number % BAD === 0 ? 'much' : `${number}.${String(number % 100).padStart(2, '0')}`;
      lines.push(`${id},${amount},2026-${String((number % 9) + 1).padStart(2, '0')}-01T00:00:00Z`);
      expected.read += 1;
      if (amount === 'much') expected.quarantined += 1;
      else {
        if (expected.amounts.has(id)) expected.duplicates += 1;
        expected.amounts.set(id, amount);
      }
    }
    return { name: `orders/${file}.csv`, bytes: Buffer.from(`${lines.join('\n')}\n`) };
  });
  return { files, expected };
}

let temporal: TemporalClient;
const { files, expected } = generate();

beforeAll(async () => {
  pointAtStack(process.env, await endpointsNow());
  temporal = await connectTemporal();
  await putObjects(BUCKET, files);
});
afterAll(() => temporal.connection.close());

describe('a run whose process is killed at every step publishes each row once:', () => {
  it.each(['ingester', 'clickhouse', 'orchestrator'])(
    '%s',
    async (victim) => {
      const dataset = `killed_${victim}`;
      await applyManifests({ [dataset]: manifest(dataset) });
      const { workflowId } = await startDatasetRun(temporal.client, { dataset, trigger: 'hand' });
      const handle = temporal.client.workflow.getHandle(workflowId);
      const killedAt: string[] = [];
      const over = new AbortController();
      const end = datasetEnd(handle).finally(() => over.abort());
      while (!over.signal.aborted) {
        const step = (await datasetProgress(temporal.client, handle))?.step ?? '';
        if (!STEPS.some((one) => one === step) || killedAt.includes(step)) continue;
        killedAt.push(step);
        await killProcess(victim);
      }
      expect(await end).toMatchObject({ kind: 'done', result: { status: 'published' } });
      expect(killedAt.length).toBeGreaterThanOrEqual(3);

      const rows = await landed(`SELECT id, amount FROM ${dataset} ORDER BY id`);
      expect(rows.map(({ id, amount }) => `${String(id)}: ${String(amount)}`)).toEqual(
        [...expected.amounts].sort(([a], [b]) => a - b).map(([id, amount]) => `${id}: ${amount}`),
      );
      const { read, quarantined, duplicates, amounts } = expected;
      const counts = { read, quarantined, duplicates, loaded: amounts.size };
      const runs = await landed(
        `SELECT read, quarantined, duplicates, loaded, status FROM dataset_runs WHERE dataset = '${dataset}'`,
      );
      const text = Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, String(count)]));
      expect(runs).toEqual([{ ...text, status: 'published' }]);
      expect(await landed(`SELECT count() AS rows FROM quarantine WHERE dataset = '${dataset}'`)).toEqual([
        { rows: String(quarantined) },
      ]);
      expect(await landed(`SELECT name FROM system.tables WHERE startsWith(name, '${dataset}__staging')`)).toEqual([]);
    },
    MINUTES_MS,
  );
});
