export { askTemporal, connectTemporal, type TemporalClient } from './connect.js';
export { BatchStarter, type StartOutcome, type BatchToStart } from './startBatch.js';
export { configureBreaker, decideBreaker, ensureBreaker, readBreakers } from './breaker.js';
export { faultOf } from './faults.js';
export { failedBatches, lastRunOf, startAgain, type KnownDead, type LastRun } from './failedBatches.js';
export { checkRetention } from './retention.js';
export {
  askShare,
  askWindow,
  capacitySettings,
  changeCapacity,
  configureCapacity,
  ensureCapacity,
  readCapacity,
} from './capacity.js';
export { BuildError, listBuilds, promoteBuild, takeOverUnlessTaken, type Build } from './deployments.js';
export { detectImageId, detectOne, type OneImageOutcome } from './detectOne.js';
export { ensureSchedules } from './schedules.js';
export { lastAudit } from './lastAudit.js';
export { openImages } from './openImages.js';
export { openBatches, followBatch, SEARCH_ATTRIBUTES } from './batches.js';
export {
  backfillEnd,
  backfillId,
  backfillProgress,
  cancelBackfill,
  setBackfillPace,
  startBackfill,
  type BackfillEnd,
} from './backfills.js';
export {
  batchOf,
  describeBatch,
  imageInBatch,
  openBatchRanges,
  type BatchAtWork,
  type BatchRange,
  type EventRecord,
  type PendingWork,
} from './batchOfRecord.js';
export { isExecutionOpen } from './executions.js';
export { reservePlaces } from './hostPace.js';
export {
  backfillDataset,
  datasetEnd,
  datasetProgress,
  ensureDatasetSchedule,
  hasSchedule,
  startDatasetRun,
  uploadedTo,
  type DatasetEnd,
  type DatasetSchedule,
  type StartedRun,
} from './datasets.js';
export { findDatasetRun, untilDatasetEnd, type DatasetExecution } from './datasetRuns.js';
