import type { DatasetPlan, DatasetRun, StagedInputs } from '../../domain/index.js';
import type { Manifest } from '../manifest/schema.js';

/** What a call of staging is about. */
export interface StageCall {
  run: DatasetRun;
  plan: DatasetPlan;
  manifest: Manifest;
  /** What earlier tries of the call did. */
  before: StagedInputs | undefined;
  signal: AbortSignal;
  /** Told whenever there is more that need not be repeated. */
  onProgress: (progress: StagedInputs) => void;
}
