export { bareType, isNullable, parseColumnType, type ColumnType } from './manifest/columnType.js';
export { landing } from './manifest/columns.js';
export { MANIFEST_VERSION, manifestSchema, type Manifest } from './manifest/schema.js';
export { parseManifest, readManifest, type ReadManifest } from './manifest/parse.js';
export { durationMs, shareOf } from './manifest/words.js';
export { manifestWarnings, type ManifestWarning } from './manifest/warnings.js';
export { createHostPace, HttpSourceError, localReserve } from './http/index.js';
export { InputError } from './records/index.js';
export { StagingError } from './staging/errors.js';
export type { LandedRow, QuarantinedRow } from './staging/staged.js';
export type { Staging } from './staging/staging.js';
export { openStaging } from './run/openStaging.js';
export { DatasetError, type DatasetDependencies } from './run/dependencies.js';
export { datasetsAwaiting, type UploadedObject } from './run/awaiting.js';
export { endRun } from './run/end.js';
export { loadBucket } from './run/load.js';
export { appliedManifest, appliedManifests, recordManifest } from './run/manifests.js';
export { ListingError } from './run/inputs.js';
export { planRun } from './run/plan.js';
export { previewDataset, type Preview, type PreviewColumn } from './run/preview.js';
export { publishRun } from './run/publish.js';
export { readSecrets } from './run/secrets.js';
export { settleRun } from './run/settle.js';
export { stageShare } from './run/share.js';
export { tellEnd } from './run/webhook.js';
export {
  countQuarantined,
  datasetStandings,
  findRun,
  listQuarantined,
  listRuns,
  type DatasetStanding,
  type QuarantineCount,
  type QuarantineRow,
  type RunRow,
} from './history/index.js';
export { planTable, readTable, type TableChange } from './tables/index.js';
export {
  MOST_SAMPLE_ROWS,
  ProposalError,
  proposeManifest,
  type ColumnProposal,
  type LayoutProposal,
  type Proposal,
  type ProposalRequest,
  type WantedSource,
} from './proposal/index.js';
