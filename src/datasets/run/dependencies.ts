import type { ObjectLister, ObjectStreamer } from '../../storage/index.js';
import type { Logger } from '../../telemetry/index.js';
import type { Warehouse } from '../../warehouse/index.js';
import type { HostPace } from '../http/index.js';
import type { Staging } from '../staging/index.js';

/** What the steps of runs need. */
export interface DatasetDependencies {
  warehouse: Warehouse;
  log: Logger;
  lister: ObjectLister;
  streamer: ObjectStreamer;
  /** The value of a secret by its name. Throws a sentence where there is none. */
  secrets: (name: string) => string;
  /** Hosts, host:port and CIDRs of private networks that manifests may name. */
  allowPrivate: readonly string[];
  pace: HostPace;
  staging: Staging;
  /** Folder for files of pieces. */
  dir: string;
  program: string;
}

/** The run can't go on, and no later try helps. The message is for a person. */
export class DatasetError extends Error {
  override name = 'DatasetError';
}
