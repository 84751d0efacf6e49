export { createDetectionActivities } from './detectImages.js';
export { createDatasetActivities } from './datasets.js';
export { createOrchestrationActivities } from './orchestration.js';
export { createResultPublisher, type PublishResults } from './results.js';
