export { createDetectionActivities } from './detectImages.js';
export { createOrchestrationActivities } from './orchestration.js';
export { createResultPublisher, type PublishResults } from './results.js';
