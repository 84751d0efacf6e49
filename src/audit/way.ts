import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/index.js';
import { dispatcherGroup, HELD_LANE, imageEventsTopic, SINK_GROUP } from '../domain/index.js';
import { readPositions, topicReaders, type GroupPosition } from '../stream/index.js';
import type { Logger } from '../telemetry/index.js';
import type { OnTheWay } from '../warehouse/index.js';

export interface WayOptions {
  config: Config;
  log: Logger;
  /** The records of all open batches. */
  openBatches: () => Promise<OnTheWay['batches']>;
  signal: AbortSignal;
  /** Longest wait for the sink, milliseconds; default 30,000. */
  waitMs?: number;
}

const ASK_EVERY_MS = 500;

/** What is on its way, by Kafka and Temporal. Both functions throw when one of them can't be reached. */
export function createWay(options: WayOptions): {
  onTheWay: () => Promise<OnTheWay>;
  sinkBehind: () => Promise<number>;
} {
  const { config, log } = options;
  return {
    onTheWay: async () => {
      const lanes = [...config.PENSTOCK_LANES, HELD_LANE];
      // Kafka first: what is consumed after that has a batch that Temporal knows, or a result.
      const positions = await readPositions(
        config,
        log,
        lanes.map((lane) => ({ topic: imageEventsTopic(lane), group: dispatcherGroup(lane) })),
      );
      const partitions = positions.flatMap(({ topic, partitions: of }) =>
        [...of].map(([partition, { committed, high }]) => ({ topic, partition, committed, high })),
      );
      return { partitions, batches: await options.openBatches() };
    },
    sinkBehind: () => sinkBehind(options),
  };
}

/** Waits until the sink has stored what Kafka holds now, but not for ever; returns how many records are left of it. */
async function sinkBehind({ config, log, signal, waitMs = 30_000 }: WayOptions): Promise<number> {
  const readers = [...topicReaders(config)].flatMap(([topic, groups]) =>
    groups.includes(SINK_GROUP) ? [{ topic, group: SINK_GROUP }] : [],
  );
  const ends = await readPositions(config, log, readers);
  const deadline = performance.now() + waitMs;
  for (let now = ends; ; now = await readPositions(config, log, readers)) {
    const left = leftOf(ends, now);
    if (left === 0n || performance.now() > deadline) return Number(left);
    await sleep(ASK_EVERY_MS, undefined, { signal });
  }
}

/** Records below the ends that were seen first and that are not committed now. */
function leftOf(ends: readonly GroupPosition[], now: readonly GroupPosition[]): bigint {
  let left = 0n;
  for (const { topic, partitions } of ends) {
    const committed = now.find((one) => one.topic === topic)?.partitions;
    for (const [partition, { high }] of partitions) {
      const position = committed?.get(partition);
      // Nothing is left of an empty log, whatever was committed.
      if (position === undefined || position.low >= high) continue;
      const from = position.committed < position.low ? position.low : position.committed;
      if (from < high) left += high - from;
    }
  }
  return left;
}
