export { awaitSchema, type AwaitSchemaOptions } from './awaitSchema.js';
export { clickHouseTime, countDeadLetters, countImages, storedWithin, type ImageCounts } from './counts.js';
export {
  decisionsOf,
  LETTER_IS_OPEN,
  listLetters,
  recordDecisions,
  wholeLetters,
  type DecisionRow,
  type LetterFilter,
  type LetterPlace,
  type LetterRow,
  type LetterState,
  type WholeLetter,
} from './deadLetters.js';
export { packedLength, packStrings, type EncodedRow } from './encode.js';
export { WarehouseError, type WarehouseErrorKind } from './errors.js';
export type { FileTransfer } from './files.js';
export { readHealth, type WarehouseHealth } from './health.js';
export {
  recentImages,
  refusedEventsOf,
  resultsOf,
  storedRate,
  uploadsOf,
  type ObjectName,
  type RecentImage,
  type RefusedEvent,
  type ResultRow,
  type UploadRow,
} from './imageHistory.js';
export { migrate, MigrationError, pendingMigrations, type MigrateOptions } from './migrate.js';
export { readOutcomes, type StoredOutcome } from './outcomes.js';
export {
  bucketsUploadedTo,
  countPlaces,
  countReceived,
  missingImages,
  receivedAmong,
  uploadsByHour,
  type OnTheWay,
  type PlaceCount,
  type UnaccountedImage,
  type UploadWindow,
} from './reconcile.js';
export { imageResultRecords } from './resultRecords.js';
export { setModelPins, type PinChange } from './pins.js';
export { rollUp, verifyRollups, type RollupOptions, type RollupOutcome, type RollupProgress } from './rollup.js';
export {
  CAPACITY_CHANGES,
  capacityChangeRow,
  DEAD_LETTERS,
  deadLetterRow,
  type DeadLetterDecision,
  IMAGE_RESULTS,
  imageResultRow,
  MAX_TIME_MS,
  UPLOAD_EVENTS,
  uploadEventRow,
  type Target,
} from './rows.js';
export { connectWarehouse, createWarehouse, type QueryParams, type Warehouse } from './warehouse.js';
