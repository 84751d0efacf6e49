import { Partitioners } from 'kafkajs';
import type { Config } from '../config/index.js';
import type { Logger } from '../telemetry/index.js';
import { withAdmin } from './topics.js';

/** How many partitions a topic has. Throws when the broker can't be reached. */
export async function countPartitions(config: Config, log: Logger, topic: string): Promise<number> {
  const { topics } = await withAdmin(config, log, (admin) => admin.fetchTopicMetadata({ topics: [topic] }));
  return topics[0]?.partitions.length ?? 0;
}

/** Tells to which partition of a topic the producer writes a key. Throws when the broker can't be reached. */
export async function readPartitioner(config: Config, log: Logger, topic: string): Promise<(key: string) => number> {
  const { topics } = await withAdmin(config, log, (admin) => admin.fetchTopicMetadata({ topics: [topic] }));
  const partitionMetadata = topics[0]?.partitions ?? [];
  const choose = Partitioners.DefaultPartitioner();
  return (key) => choose({ topic, partitionMetadata, message: { key, value: null } });
}
