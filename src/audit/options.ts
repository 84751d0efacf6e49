import type { AdmissionConfig } from '../admission/index.js';
import type { Router } from '../routing/index.js';
import type { ObjectLister } from '../storage/index.js';
import type { OnTheWay, Warehouse } from '../warehouse/index.js';

/** Least time between two pages of a listing, milliseconds: 20,000 objects a second at most. */
export const PAGE_EVERY_MS = 50;
/** Open batches that are looked at: the windows of all dispatchers bound how many there are. */
export const MOST_BATCHES = 5_000;

export interface AuditOptions {
  buckets: readonly string[];
  /** Names begin with it; empty: all. */
  prefix: string;
  /** Of objects that were uploaded in [fromMs, toMs), milliseconds since the epoch. */
  fromMs: number;
  toMs: number;
  /** Most missing images that are listed; all are counted. */
  mostListed: number;
  lister: ObjectLister;
  warehouse: Warehouse;
  route: Router;
  config: AdmissionConfig;
  /** What is on its way now. */
  onTheWay: () => Promise<OnTheWay>;
  /** Records that the sink has not stored of those that were in Kafka when it was called, after waiting a bounded time. */
  sinkBehind: () => Promise<number>;
  onProgress?: (progress: AuditProgress) => void;
  signal: AbortSignal;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Least time between two pages of a listing, milliseconds. */
  pageEveryMs: number;
  /** Most objects of a bucket that are listed; one with more is not listed to its end, and says so. Default: all. */
  mostObjects?: number;
}

/** `of` is unknown for a listing: only its end tells how long it is. */
export interface AuditProgress {
  doing: 'listing' | 'comparing';
  bucket?: string;
  done: number;
  of?: number;
}
