import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatasetPlan, DatasetPosition, DatasetRun, StagedInputs } from '../../domain/index.js';
import type { Manifest } from '../manifest/schema.js';
import type { StagedPiece } from '../staging/index.js';
import type { Cut } from './cuts.js';
import { DatasetError, type DatasetDependencies } from './dependencies.js';
import { evolve, evolvedColumns } from './evolve.js';
import { lookupFor } from './lookup.js';
import { runManifest } from './manifests.js';
import { readFiles } from './readFiles.js';
import { readPages } from './readPages.js';
import type { StageCall } from './stageCall.js';
import { stageCuts } from './stageCuts.js';

/** What an activity knows besides its input. */
export interface ShareCall {
  run: DatasetRun;
  plan: DatasetPlan;
  share: number;
  from: DatasetPosition | undefined;
  /** What earlier tries of the call said that they had done. */
  before: StagedInputs | undefined;
  signal: AbortSignal;
  onProgress: (progress: StagedInputs) => void;
}

/** Reads a share of a run's inputs from a position on, or from where an earlier try of the call stood. */
export async function stageShare(dependencies: DatasetDependencies, shareCall: ShareCall): Promise<StagedInputs> {
  const { run, plan, share, before, signal, onProgress } = shareCall;
  const { warehouse } = dependencies;
  const manifest = await runManifest(warehouse, run, plan);
  const range = plan.shares[share];
  if (range === undefined) throw new DatasetError(`the plan has no share ${share}`);
  if (before !== undefined && before.next === undefined) return before;
  const call: StageCall = { run, plan, manifest, before, signal, onProgress };
  const from = before?.next ?? shareCall.from;
  const { source } = manifest;
  const dir = await mkdtemp(join(dependencies.dir, 'share-'));
  try {
    const cuts =
      source.type === 'http'
        ? readPages(dependencies, call, { source, from, dir })
        : readFiles(dependencies, call, { source, share: range, from, dir });
    return await stageCuts(dependencies, call, await stager(dependencies, manifest, call), cuts);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Stages a cut; columns that it brings are added to the tables first, where the manifest says so. */
async function stager(
  { staging, secrets, warehouse }: DatasetDependencies,
  manifest: Manifest,
  { run, signal }: StageCall,
): Promise<(cut: Cut) => Promise<{ staged: StagedPiece; evolved: readonly string[] }>> {
  const lookup = lookupFor(warehouse, manifest, run, signal);
  let evolved = await evolvedColumns(warehouse, manifest);
  return async ({ piece }) => {
    for (;;) {
      const of = { manifest, logicalDate: new Date(run.logicalDate), secrets, lookup, evolved, signal };
      const staged = await staging.stage(piece, of);
      const names = manifest.schema.newColumns === 'evolve' ? staged.newColumns : [];
      const fresh = names.filter((name) => !evolved.includes(name));
      if (fresh.length === 0) return { staged, evolved };
      for (const path of [staged.path, staged.quarantinePath]) if (path !== undefined) await rm(path, { force: true });
      await evolve(warehouse, manifest, { run, names: fresh });
      evolved = [...evolved, ...fresh];
    }
  };
}
