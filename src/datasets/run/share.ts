import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatasetPlan, DatasetPosition, DatasetRun, StagedInputs } from '../../domain/index.js';
import { DatasetError, type DatasetDependencies } from './dependencies.js';
import { evolve, evolvedColumns } from './evolve.js';
import { keysOfRun, lookupFor } from './lookup.js';
import { runManifest } from './manifests.js';
import { readFiles } from './readFiles.js';
import { readPages } from './readPages.js';
import type { StageCall } from './stageCall.js';
import { stageCuts } from './stageCuts.js';
import { stagerOf } from './stager.js';

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
  const { warehouse, staging, secrets } = dependencies;
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
    const stage = stagerOf(staging, {
      ...{ manifest, secrets, signal, logicalDate: new Date(run.logicalDate) },
      lookup: lookupFor(warehouse, manifest, keysOfRun(warehouse, run), signal),
      evolved: await evolvedColumns(warehouse, manifest),
      add: (names) => evolve(warehouse, manifest, { run, names }),
    });
    return await stageCuts(dependencies, call, stage, cuts);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
