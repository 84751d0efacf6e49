import { DEAD_LETTERS_TOPIC, deadLetterSchema, imageResultSchema } from '../domain/index.js';
import type { StreamRecord } from '../stream/index.js';
import { DEAD_LETTERS, deadLetterRow, IMAGE_RESULTS, imageResultRow } from '../warehouse/index.js';
import type { Row } from './block.js';

export type ReadRow = { kind: 'row'; row: Row } | { kind: 'invalid'; detail: string };

/** Turns a record into a row of its table, or says what is wrong with it. */
export function readRow(topic: string, partition: number, record: StreamRecord): ReadRow {
  let value: unknown;
  try {
    value = JSON.parse(record.value.toString('utf8'));
  } catch (error) {
    return { kind: 'invalid', detail: `no JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  const origin = `${topic}/${partition}/${record.offset}`;
  const parsed = topic === DEAD_LETTERS_TOPIC ? deadLetterSchema.safeParse(value) : imageResultSchema.safeParse(value);
  if (!parsed.success) {
    const detail = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
    return { kind: 'invalid', detail: detail.slice(0, 2000) };
  }
  const message = parsed.data;
  if ('payload' in message) {
    const tablePartition = month(message.receivedAtMs);
    return { kind: 'row', row: { target: DEAD_LETTERS, tablePartition, origin, json: deadLetterRow(message) } };
  }
  const tablePartition = month(message.uploadedAtMs);
  return { kind: 'row', row: { target: IMAGE_RESULTS, tablePartition, origin, json: imageResultRow(message) } };
}

/** Number of the month since 1970: the tables' partitions are months. */
function month(epochMs: number): number {
  const date = new Date(epochMs);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}
