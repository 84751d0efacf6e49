import type { Config } from '../config/index.js';
import type { ImageRef } from '../domain/index.js';
import type { StorageOptions } from '../storage/index.js';
import type { Part } from './parts.js';

/** What a process that measures one part is told first. */
export interface PartOptions {
  part: Part;
  modelDir: string;
  provider: Config['PENSTOCK_EXECUTION_PROVIDER'];
  deviceId: number;
  /** Threads inside one model run. */
  intraOpThreads: number;
  /** Threads that download or decode. */
  prepareThreads: number;
  storage: StorageOptions;
  limits: { maxPixels: number; timeoutMs: number };
  images: ImageRef[];
}

/** Parent to child. */
export type PartOrder =
  | { kind: 'open'; options: PartOptions }
  /** Reports windows of at least `windowMs` under the number `run`, until the next order. */
  | { kind: 'run'; run: number; batch: number; windowMs: number }
  | { kind: 'pause' };

/** Child to parent. */
export type PartReport =
  | { kind: 'ready'; maxBatch: number | 'dynamic' }
  | { kind: 'window'; run: number; images: number; ms: number; cpuMs: number }
  | { kind: 'failed'; message: string; isProvider: boolean };

/** What one of its threads is started with. */
export interface PartThreadData {
  options: PartOptions;
  /** Images so far, of all threads: one Int32. */
  done: SharedArrayBuffer;
}
