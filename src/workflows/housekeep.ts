import { periodic } from './periodic.js';

/** Deletes from Kafka what every named consumer group has read. By schedule. Returns records by topic. */
export async function housekeep(): Promise<Record<string, number>> {
  return periodic.deleteConsumedRecords();
}
