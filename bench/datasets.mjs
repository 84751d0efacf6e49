import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectTemporal, datasetEnd, startDatasetRun } from '../dist/client/index.js';
import { loadConfig } from '../dist/config/index.js';
import { pointAtStack, roleEnvironment } from '../dist/embedded/index.js';
import { applyManifests, planManifests } from '../dist/operations/index.js';
import { createWarehouse } from '../dist/warehouse/index.js';
import { log } from './measure.mjs';

/** What a run of a dataset needs of a stack. */
export const DATASET_ROLES = [
  { role: 'orchestrator', heapMb: 256, semiSpaceMb: 4 },
  // Only by it pieces of a run go their way.
  { role: 'ingester' },
];

/** ClickHouse and Temporal of a stack, as long as `work` goes on. */
export async function withDatasets(stack, work) {
  const endpoints = stack.endpoints();
  pointAtStack(process.env, endpoints);
  const warehouse = createWarehouse(loadConfig(roleEnvironment(endpoints)), log);
  const { client, connection } = await connectTemporal();
  try {
    return await work({ warehouse, client, endpoints });
  } finally {
    await connection.close();
    await warehouse.close();
  }
}

/** Applies manifests, as the verb does. */
export async function apply({ warehouse, client }, texts) {
  const folder = await mkdtemp(join(tmpdir(), 'penstock-manifests-'));
  try {
    const files = [];
    for (const text of texts) {
      const file = join(folder, `${files.length}.yaml`);
      await writeFile(file, text);
      files.push(file);
    }
    const planned = await planManifests(files, { warehouse, allowDelete: false });
    await applyManifests(planned, { warehouse, client, who: 'bench' });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs a dataset to its end, and gives what it says of itself. Throws unless it was published. */
export async function runToEnd({ client }, dataset) {
  const { workflowId } = await startDatasetRun(client, { dataset, trigger: 'hand' });
  const end = await datasetEnd(client.workflow.getHandle(workflowId));
  if (end.kind !== 'done') throw new Error(`the run of ${dataset} ${end.kind}: ${end.message ?? ''}`);
  return { workflowId, ...end.result };
}

/** Rows that a reader sees of a table. */
export async function rowsOf({ warehouse }, table) {
  const [row] = await warehouse.query(`SELECT count() AS rows FROM ${table}`);
  return Number(row.rows);
}

/** Takes the tables of a dataset away. */
export async function drop({ warehouse }, dataset) {
  for (const table of [`VIEW ${dataset}`, `VIEW ${dataset}__all`, `TABLE ${dataset}__rows`])
    await warehouse.command(`DROP ${table} SYNC`);
}
