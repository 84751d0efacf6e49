import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import type { Logger, Metrics } from '../telemetry/index.js';
import { streamMetrics } from './metrics.js';
import type { Partitions } from './partitions.js';
import { keepRetention } from './retention.js';

/** With every third look at the offsets: every 15 s, as often as Prometheus looks. */
const LOOKS_PER_LAG = 3;
/** With every sixth: every 30 s. */
const LOOKS_PER_RETENTION = 6;

export interface WatchTopicsOptions {
  admin: Admin;
  partitions: Partitions;
  topics: readonly string[];
  /** Compares what is committed with what the broker has. */
  examine: (topic: string, partitions: readonly number[]) => Promise<void>;
  log: Logger;
  metrics: Metrics;
  /** Milliseconds between two looks. Default 5,000. */
  everyMs?: number;
  signal: AbortSignal;
}

/**
 * Looks now and then, until the signal aborts, at partitions that commit nothing for a while, idle or paused, at how far
 * behind they are, and at what the topics say.
 */
export async function watchTopics(options: WatchTopicsOptions): Promise<void> {
  const { partitions, topics, examine, log, everyMs = 5_000, signal } = options;
  for (let looks = 0; ; looks += 1) {
    if (looks % LOOKS_PER_RETENTION === 0) await lookAtRetention(options);
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    try {
      for (const topic of topics) {
        await examine(topic, partitions.admitted(topic));
        if (looks % LOOKS_PER_LAG === 0) await partitions.measureLag(topic);
      }
    } catch (error) {
      log.debug({ err: error }, 'could not compare committed offsets');
    }
  }
}

async function lookAtRetention({ admin, topics, log, metrics }: WatchTopicsOptions): Promise<void> {
  try {
    const wrong = await keepRetention(admin, topics, log);
    for (const topic of wrong) streamMetrics(metrics).wrongRetention.inc({ topic });
  } catch (error) {
    log.debug({ err: error }, 'the broker does not tell how long it keeps records');
  }
}
