export * from './types.js';
export { readArrivals } from './arrivals.js';
export { streamMetrics } from './metrics.js';
export { createProducer } from './producer.js';
export { GroupCommit, type GroupCommitOptions } from './groupCommit.js';
export { createBrokerCheck, type BrokerCheck } from './brokerCheck.js';
export { consume, type RoleReading } from './roleConsumer.js';
export { createConsumer, type ConsumerOptions } from './consumer.js';
export {
  ensureTopics,
  readBacklog,
  readLaneBacklog,
  deleteConsumedRecords,
  topicReaders,
  type Backlog,
} from './topics.js';
export { countPartitions, readPartitioner } from './partitioner.js';
export { deadLetter, recordDeadLetter, type RefusedRecord } from './deadLetter.js';
export {
  placeOf,
  readPositions,
  recordsBefore,
  type GroupPosition,
  type PartitionPosition,
  type RecordPlace,
} from './positions.js';
