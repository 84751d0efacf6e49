import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  connectTemporal,
  datasetEnd,
  datasetProgress,
  startDatasetRun,
  type DatasetEnd,
  type TemporalClient,
} from '../../src/client/index.js';
import { DATASET, datasetTurnId, type DatasetProgress } from '../../src/domain/index.js';
import { pointAtStack } from '../../src/embedded/index.js';
import { applyManifests, landed, putObjects } from './datasets/rig.js';
import { heldManifest, startHeldApi, type HeldApi } from './heldApi.js';
import { endpointsNow, eventually } from './pipeline.js';
import { recordHistory } from './recordHistory.js';

/** Runs that somebody cancels. */

/** Pages that are staged together; see src/datasets/run/readPages.ts. */
const GROUP = 100;
const STEPS = ['planning', 'staging', 'checking', 'loading', 'publishing'] as const;
const MINUTES_MS = 300_000;
const FILES = 4;
const ROWS = 5_000;
const BUCKET = 'cancelled-exports';

let temporal: TemporalClient;
let api: HeldApi;

beforeAll(async () => {
  pointAtStack(process.env, await endpointsNow());
  temporal = await connectTemporal();
  api = await startHeldApi(3);
});
afterAll(async () => {
  await temporal.connection.close();
  await api.close();
});

interface Run {
  workflowId: string;
  step: () => Promise<DatasetProgress['step'] | undefined>;
  cancel: () => Promise<unknown>;
  end: Promise<DatasetEnd>;
}

async function start(dataset: string, full = false): Promise<Run> {
  const { workflowId } = await startDatasetRun(temporal.client, { dataset, trigger: 'hand', full });
  const handle = temporal.client.workflow.getHandle(workflowId);
  return {
    workflowId,
    step: async () => (await datasetProgress(temporal.client, handle))?.step,
    cancel: () => handle.cancel(),
    end: datasetEnd(handle),
  };
}

const stagingTables = async (dataset: string): Promise<string[]> =>
  (
    await landed(
      `SELECT name FROM system.tables WHERE startsWith(name, '${dataset}__staging_') ORDER BY length(name), name`,
    )
  ).map(({ name }) => String(name));

const recordOf = async ({ workflowId }: Run): Promise<unknown> =>
  (
    await landed(
      `SELECT toString(status) AS status, read, loaded, quarantined, duplicates
       FROM dataset_runs WHERE workflow_id = '${workflowId}'`,
    )
  )[0];

describe('a run that is cancelled', { timeout: MINUTES_MS }, () => {
  it('in the middle of staging leaves table and staging as if it had never been, and gives its turn to the next', async () => {
    const dataset = 'cancelled_pages';
    await applyManifests({ [dataset]: heldManifest(dataset, api) });
    const first = await start(dataset);
    expect(await first.end).toMatchObject({ kind: 'done', result: { counts: { loaded: 3 } } });
    const before = await landed(`SELECT * FROM ${dataset} ORDER BY id`);

    [api.rows, api.heldFrom] = [GROUP + 50, GROUP + 1];
    const cut = await start(dataset);
    // A group of pages is in the table of the run, and one page does not come.
    await eventually(
      async () => {
        const [table] = await stagingTables(dataset);
        return table === undefined ? 0 : Number((await landed(`SELECT count() AS rows FROM ${table}`))[0]?.['rows']);
      },
      (rows) => rows > 0,
      120_000,
    );
    expect(await cut.step()).toBe('staging');

    const waits = await start(dataset);
    await eventually(waits.step, (step) => step === 'waiting', 60_000);
    await waits.cancel();
    expect(await waits.end).toEqual({ kind: 'cancelled' });
    // It never had a turn, and so has no record; who has the turn is not disturbed.
    expect(await recordOf(waits)).toBeUndefined();
    expect(await cut.step()).toBe('staging');

    const next = await start(dataset);
    const turn = await temporal.client.workflow.getHandle(datasetTurnId(dataset)).describe();
    await cut.cancel();
    expect(await cut.end).toEqual({ kind: 'cancelled' });
    expect(await landed(`SELECT * FROM ${dataset} ORDER BY id`)).toEqual(before);
    expect(await recordOf(cut)).toMatchObject({ status: 'cancelled', loaded: '0', duplicates: '0' });
    await recordHistory('ingestDataset.cancelled', temporal.client.workflow.getHandle(cut.workflowId));
    await recordHistory('ingestDataset.cancelled-waiting', temporal.client.workflow.getHandle(waits.workflowId));

    // The turn was given back, and not found out to be of nobody.
    const turned = temporal.client.workflow.getHandle(turn.workflowId, turn.runId);
    await turned.result();
    const events = (await turned.fetchHistory()).events ?? [];
    const given = events.findIndex(
      ({ workflowExecutionSignaledEventAttributes: told }) => told?.signalName === DATASET.release,
    );
    expect(given).toBeGreaterThan(0);
    expect(events.slice(given).some((event) => event.activityTaskScheduledEventAttributes)).toBe(false);
    api.release();
    expect(await next.end).toMatchObject({
      kind: 'done',
      result: { counts: { read: 150, loaded: 147, duplicates: 3 } },
    });
    expect(await stagingTables(dataset)).toEqual([]);
  });

  it('at any step is published whole or not at all', async () => {
    const dataset = 'cancelled_files';
    await putObjects(
      BUCKET,
      Array.from({ length: FILES }, (_, file) => ({ name: `${file}.csv`, bytes: csv(file) })),
    );
    await applyManifests({ [dataset]: manifest(dataset) });
    let rows = 0;
    const ends: string[] = [];
    for (const step of STEPS) {
      const run = await start(dataset);
      const over = new AbortController();
      const end = run.end.finally(() => over.abort());
      while (!over.signal.aborted && (await run.step()) !== step);
      await run.cancel().catch(() => undefined);
      const { kind } = await end;
      ends.push(kind);
      if (kind === 'done') rows = FILES * ROWS;
      const [seen] = await landed(`SELECT count() AS rows, uniqExact(id) AS ids FROM ${dataset}`);
      expect({ step, kind, ...seen }).toEqual({ step, kind, rows: String(rows), ids: String(rows) });
      expect(await recordOf(run)).toMatchObject({ status: kind === 'cancelled' ? 'cancelled' : rowsStatus(ends) });
      expect(await stagingTables(dataset)).toEqual([]);
    }
    expect(ends).toContain('cancelled');
    // Nothing of what was given up is left in the table once the next run has ended.
    const last = await start(dataset, true);
    expect(await last.end).toMatchObject({ kind: 'done' });
    const [kept] = await landed(`SELECT count() AS rows FROM ${dataset}__rows`);
    expect(kept).toEqual({ rows: String(FILES * ROWS) });
  });
});

/** The first run that gets through publishes, those behind it find nothing new. */
function rowsStatus(ends: readonly string[]): string {
  return ends.filter((kind) => kind === 'done').length > 1 ? 'unchanged' : 'published';
}

function csv(file: number): Buffer {
  const lines = Array.from({ length: ROWS }, (_, row) => `${file * ROWS + row},${row}.50`);
  return Buffer.from(['id,amount', ...lines, ''].join('\n'));
}

const manifest = (name: string): string => `
version: penstock/v1
name: ${name}
source: { type: objects, bucket: ${BUCKET}, match: ['*.csv'] }
format: { type: csv }
columns: [{ name: id, type: UInt64 }, { name: amount, type: 'Decimal(18, 2)' }]
target: { mode: append, key: [id], orderBy: [id] }
`;
