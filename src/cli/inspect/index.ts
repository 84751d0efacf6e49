/** Questions to a running stack, each bounded: what is away shows as such, and the rest is still known. */
export { askRoles, describeHealth, expectedRoles, HEALTHY, unhealthy, type Health } from './health.js';
export {
  askArrivals,
  askClickHouse,
  askKafka,
  askStorage,
  askTemporal,
  bounded,
  type Answer,
  type Batches,
  type Stored,
  type TopicBacklog,
} from './questions.js';
