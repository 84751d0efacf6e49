/** What an operator does with a stack: looks, retries, decides. Each question is bounded: what is away shows as such. */
export { OperationError, RequestError } from './errors.js';
export { duration } from './forecast.js';
export { askRoles, describeHealth, HEALTHY, unhealthy, type Health } from './health.js';
export {
  quoted,
  readImageName,
  whereIs,
  type ImageAnswer,
  type ImageReport,
  type ImageState,
  type InBucket,
  type WhereOptions,
} from './image/index.js';
export {
  chosenLetters,
  cursorOf,
  decisionReport,
  discardLetters,
  isLetterKind,
  isWhole,
  kindOf,
  LETTER_SOURCES,
  placeOf,
  readCursor,
  replayLetters,
  type Choice,
  type Decider,
  type DecisionOptions,
  type DecisionReport,
  type LetterKind,
  type LetterOutcome,
  type ReplayOptions,
} from './letters/index.js';
export { lookAtStack } from './look.js';
export { askKafka, askTemporal, type Answer, type Batches, type TopicBacklog } from './questions.js';
export {
  retryNamed,
  retryReport,
  selectBatches,
  startAll,
  type BatchSelector,
  type NamedRetry,
  type Retried,
  type RetriedBatch,
  type RetryRate,
  type RetryReport,
} from './retry/index.js';
export { runLink } from './runLink.js';
export type { StatusReport } from './statusReport.js';
export { applyManifests, planManifests, type DatasetPlanned } from './datasets/apply.js';
