import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { datasetEnd, datasetProgress, isExecutionOpen, startDatasetRun } from '../../src/client/index.js';
import { datasetTurnId } from '../../src/domain/index.js';
import { pointAtStack } from '../../src/embedded/index.js';
import { applyManifests, landed } from './datasets/rig.js';
import { heldManifest, startHeldApi, type HeldApi } from './heldApi.js';
import { endpointsNow, eventually } from './pipeline.js';
import { startOwnTemporal, type OwnTemporal } from './ownTemporal.js';
import { recordHistory } from './recordHistory.js';
import { startRole, type RoleProcess } from './roleProcess.js';

/** An activity reads so many files, and four are at work at once; see src/datasets/run/plan.ts and ingestDataset. */
const SHARE_FILES = 2_000;
const MINUTES_MS = 300_000;
const FILES = 4 * SHARE_FILES + 1;

let temporal: OwnTemporal;
let dataDir: string;
let client: Client;
let ingester: RoleProcess;
let api: HeldApi;

beforeAll(async () => {
  pointAtStack(process.env, await endpointsNow());
  temporal = await startOwnTemporal((client) => ({
    isExecutionOpen: (holder: { workflowId: string; runId: string }) => isExecutionOpen(client, holder),
  }));
  ({ client, dataDir } = temporal);
  ingester = await startRole('ingester', {
    TEMPORAL_ADDRESS: temporal.address,
    PENSTOCK_INGEST_ALLOW_PRIVATE: '127.0.0.1',
  });
  api = await startHeldApi(2);
});

afterAll(async () => {
  await api.close();
  await ingester.stop();
  await temporal.stop();
});

/** Ids of the executions of a workflow, the first to the last. */
async function executionsOf(workflowId: string): Promise<string[]> {
  const ids: string[] = [];
  let runId: string | undefined = (await client.workflow.getHandle(workflowId).describe()).runId;
  while (runId !== undefined) {
    ids.unshift(runId);
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    runId = events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId || undefined;
  }
  return ids;
}

const handleOf = ({ workflowId }: { workflowId: string }): WorkflowHandle => client.workflow.getHandle(workflowId);

it.concurrent(
  'a run with a long history goes on in a new execution: counts, number and turn stay, and each row lands once',
  { timeout: MINUTES_MS },
  async () => {
    const dataset = 'continued_files';
    const folder = join(dataDir, 'files');
    await mkdir(folder);
    for (let file = 0; file < FILES; file += 1)
      await writeFile(join(folder, `${String(file).padStart(5, '0')}.csv`), csv(file));
    await applyManifests({ [dataset]: manifest(dataset, folder) });
    const run = await startDatasetRun(client, { dataset, trigger: 'hand', logicalDate: '2026-03-01T00:00:00.000Z' });
    const end = await datasetEnd(handleOf(run));
    // Each file has a row of its own, one that a file before has too, and one that can't be read.
    const counts = { read: 3 * FILES, loaded: FILES + 1, quarantined: FILES, duplicates: FILES - 1 };
    expect(end).toMatchObject({ kind: 'done', result: { status: 'published', counts, inputs: FILES } });

    const executions = await executionsOf(run.workflowId);
    expect(executions.length).toBeGreaterThanOrEqual(3);
    const [first = '', second = ''] = executions;
    expect(
      await landed(
        `SELECT run, toString(status) AS status, inputs, read, loaded, quarantined, duplicates FROM dataset_runs
       WHERE dataset = '${dataset}'`,
      ),
    ).toEqual([
      {
        ...{ run: first, status: 'published', inputs: String(FILES) },
        ...Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, String(count)])),
      },
    ]);
    expect(await landed(`SELECT count() AS rows, uniqExact(id) AS ids, sum(id) AS sum FROM ${dataset}`)).toEqual([
      { rows: String(FILES + 1), ids: String(FILES + 1), sum: String((FILES * (FILES + 1)) / 2) },
    ]);
    expect(
      await landed(`SELECT count() AS rows, uniqExact(source) AS files FROM quarantine WHERE dataset = '${dataset}'`),
    ).toEqual([{ rows: String(FILES), files: String(FILES) }]);
    expect(await landed(`SELECT name FROM system.tables WHERE startsWith(name, '${dataset}__staging_')`)).toEqual([]);
    await recordHistory('ingestDataset.continued.1', client.workflow.getHandle(run.workflowId, first));
    await recordHistory('ingestDataset.continued.2', client.workflow.getHandle(run.workflowId, second));
    await recordHistory('ingestDataset.continued.3', client.workflow.getHandle(run.workflowId, executions.at(-1)));
  },
);

it.concurrent(
  'a run that waits long for its turn goes on waiting in a new execution, for the moment that it was asked for',
  { timeout: MINUTES_MS },
  async () => {
    const dataset = 'continued_pages';
    await applyManifests({ [dataset]: heldManifest(dataset, api) });
    api.heldFrom = 2;
    const holder = await startDatasetRun(client, { dataset, trigger: 'hand' });
    await eventually(
      async () => (await datasetProgress(client, handleOf(holder)))?.step,
      (step) => step === 'staging',
      120_000,
    );
    const waits = await startDatasetRun(client, { dataset, trigger: 'api' });
    const turn = { workflowId: datasetTurnId(dataset) };
    // The turn looks after its holder every half minute, and then has a long history itself.
    for (const one of [waits, turn])
      await eventually(
        () => executionsOf(one.workflowId),
        (executions) => executions.length > 1,
        150_000,
      );
    expect((await datasetProgress(client, handleOf(waits)))?.step).toBe('waiting');
    expect((await handleOf(holder).describe()).status.name).toBe('RUNNING');
    api.release();
    expect(await datasetEnd(handleOf(holder))).toMatchObject({ kind: 'done', result: { counts: { loaded: 2 } } });
    expect(await datasetEnd(handleOf(waits))).toMatchObject({ kind: 'done', result: { counts: { duplicates: 2 } } });

    const [first = '', second = ''] = await executionsOf(waits.workflowId);
    const { startTime } = await client.workflow.getHandle(waits.workflowId, first).describe();
    expect(
      await landed(`SELECT run, logical_date FROM dataset_runs WHERE workflow_id = '${waits.workflowId}'`),
    ).toEqual([{ run: first, logical_date: startTime.toISOString() }]);
    await recordHistory('ingestDataset.waited.1', client.workflow.getHandle(waits.workflowId, first));
    await recordHistory('ingestDataset.waited.2', client.workflow.getHandle(waits.workflowId, second));
    const [turned = ''] = await executionsOf(turn.workflowId);
    await recordHistory('datasetTurn.continued', client.workflow.getHandle(turn.workflowId, turned));
  },
);

/** File n has the ids n and n + 1. */
function csv(file: number): string {
  return `id,note\n${file},own\n${file + 1},next\nnone,bad\n`;
}

const manifest = (name: string, folder: string): string => `
version: penstock/v1
name: ${name}
source: { type: files, folder: ${folder}, match: ['*.csv'] }
format: { type: csv }
columns: [{ name: id, type: UInt64 }, { name: note, type: LowCardinality(String) }]
checks: { maxQuarantined: 50 % }
target: { mode: append, key: [id], orderBy: [id] }
`;
