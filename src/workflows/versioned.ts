import { setWorkflowOptions } from '@temporalio/workflow';
import { detectBatch } from './detectBatch.js';
import { detectImage } from './detectImage.js';

/**
 * The workflows for workers of a build that takes part in worker versioning: what is short ends on the build that it
 * began with, all else moves on with the current one. A bundle of its own, because the server refuses a workflow that
 * says so on a worker that takes no part.
 */
export * from './index.js';

setWorkflowOptions({ versioningBehavior: 'PINNED' }, detectBatch);
setWorkflowOptions({ versioningBehavior: 'PINNED' }, detectImage);
