/** `penstock demo --surge`: ten times the cap arrives, waits in the backlog, and is detected at the cap. */
export { DEFAULT_CAP, DEFAULT_SECONDS } from './plan.js';
export { surgeWork } from './work.js';
export type { SurgeResult } from './result.js';
