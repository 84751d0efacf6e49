import type { DatasetPlan, DatasetRun } from '../../domain/index.js';
import type { Warehouse } from '../../warehouse/index.js';
import { parseManifest, type ReadManifest } from '../manifest/parse.js';
import type { Manifest } from '../manifest/schema.js';
import { DatasetError } from './dependencies.js';

const TIMEOUT_MS = 30_000;

/** A manifest as it was applied. */
export interface AppliedManifest extends ReadManifest {
  appliedAt: string;
}

interface Row {
  dataset: string;
  manifest: string;
  applied_at: string;
}

/**
 * The manifest of a dataset: the one with the hash, or the last that was applied. Undefined where there is none. Throws
 * YamlError for one that this program does not understand, WarehouseError.
 */
export async function appliedManifest(
  warehouse: Warehouse,
  dataset: string,
  hash = '',
): Promise<AppliedManifest | undefined> {
  const [row] = await warehouse.query<Row>(
    `SELECT dataset, manifest, applied_at FROM dataset_manifests
     WHERE dataset = {dataset:String} AND ({hash:String} = '' OR hash = {hash:String})
     ORDER BY applied_at DESC LIMIT 1`,
    { dataset, hash },
  );
  return row && { ...parseManifest(row.manifest, `${dataset}.yaml as applied`), appliedAt: row.applied_at };
}

/** The manifest that a run goes by, whatever was applied since. Throws DatasetError where it is gone. */
export async function runManifest(warehouse: Warehouse, run: DatasetRun, plan: DatasetPlan): Promise<Manifest> {
  const applied = await appliedManifest(warehouse, run.dataset, plan.manifestHash);
  if (applied === undefined) throw new DatasetError(`the manifest ${plan.manifestHash} of ${run.dataset} is gone`);
  return applied.manifest;
}

/**
 * The last manifest of every dataset, by name; at most 10,000. One that is not understood any more is left out, and so is
 * one without the `word`.
 */
export async function appliedManifests(warehouse: Warehouse, word = ''): Promise<Map<string, AppliedManifest>> {
  const rows = await warehouse.query<Row>(
    `SELECT dataset, manifest, applied_at FROM
       (SELECT dataset, manifest, applied_at FROM dataset_manifests ORDER BY dataset, applied_at DESC LIMIT 1 BY dataset)
     WHERE position(manifest, {word:String}) > 0 ORDER BY dataset LIMIT 10000`,
    { word },
  );
  return new Map(
    rows.flatMap(({ dataset, manifest, applied_at: appliedAt }) => {
      try {
        return [[dataset, { ...parseManifest(manifest, `${dataset}.yaml as applied`), appliedAt }]];
      } catch {
        return [];
      }
    }),
  );
}

/** Writes that a manifest is the one of its dataset from now on. Twice is harmless. */
export async function recordManifest(
  warehouse: Warehouse,
  applied: { text: string; manifest: ReadManifest; who: string },
): Promise<void> {
  const { text, manifest, who } = applied;
  // As a row, not as parameters: those are a part of the address, which is bounded.
  await warehouse.insert({
    table: 'dataset_manifests',
    columns: ['dataset', 'hash', 'manifest', 'who'],
    rows: [JSON.stringify([manifest.manifest.name, manifest.hash, text, who].map((part) => part.toWellFormed()))],
    timeoutMs: TIMEOUT_MS,
  });
}
