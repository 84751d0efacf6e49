import type { DatasetEnd } from '../../client/index.js';
import type { RunRow } from '../../datasets/index.js';

/** What `penstock dataset run --json` prints. Fields are only added. */
export interface RunReport {
  workflowId: string;
  /** `started`: nobody waited for its end. */
  status: 'started' | DatasetEnd['kind'];
  failure: string | null;
  run: RunRow | null;
}
