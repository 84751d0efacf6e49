/** The side of those that hold leases of the capacity. */
export { ShareHolder, type Paced, type ShareHolderOptions, type Standing } from './shareHolder.js';
export { watchRevision } from './revision.js';
