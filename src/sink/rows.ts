import { DEAD_LETTERS_TOPIC, deadLetterSchema, imageResultSchema, type DeadLetterReason } from '../domain/index.js';
import type { Slice, StreamRecord } from '../stream/index.js';
import { DEAD_LETTERS, deadLetterRow, IMAGE_RESULTS, imageResultRow } from '../warehouse/index.js';
import type { RecordSource, Row } from './block.js';

export type ReadRow = { kind: 'row'; row: Row } | { kind: 'unfit'; reason: DeadLetterReason; detail: string };

/** Largest values that the columns hold; ClickHouse would wrap a larger one around without a word. */
const MAX_GENERATION = 2n ** 64n - 1n;
const MAX_TIME_MS = Date.UTC(2100, 0);
const DAY_MS = 86_400_000;

/** Turns a record into a row of its table, or says why it does not fit there. */
export function readRow(source: RecordSource, retention: { days: number; nowMs: number }): ReadRow {
  const unfit = (detail: string): ReadRow => ({
    kind: 'unfit',
    reason: 'INVALID_RECORD',
    detail: detail.slice(0, 2000),
  });
  const oldestMs = retention.nowMs - retention.days * DAY_MS;
  let value: unknown;
  try {
    value = JSON.parse(source.value.toString('utf8'));
  } catch (error) {
    return unfit(`no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed =
    source.topic === DEAD_LETTERS_TOPIC ? deadLetterSchema.safeParse(value) : imageResultSchema.safeParse(value);
  if (!parsed.success)
    return unfit(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));

  const message = parsed.data;
  if ('payload' in message) {
    if (message.receivedAtMs > MAX_TIME_MS) return unfit(`receivedAtMs: ${message.receivedAtMs} is after 2100`);
    const tablePartition = month(message.receivedAtMs);
    return { kind: 'row', row: { target: DEAD_LETTERS, tablePartition, source, json: deadLetterRow(message) } };
  }
  for (const field of ['uploadedAtMs', 'receivedAtMs', 'detectedAtMs'] as const) {
    if (message[field] > MAX_TIME_MS) return unfit(`${field}: ${message[field]} is after 2100`);
  }
  if (message.generation.length > 19 && BigInt(message.generation) > MAX_GENERATION)
    return unfit(`generation: ${message.generation} is no 64-bit number`);
  if (message.uploadedAtMs < oldestMs) return outOfRetention('uploaded', message.uploadedAtMs);
  const tablePartition = month(message.uploadedAtMs);
  return { kind: 'row', row: { target: IMAGE_RESULTS, tablePartition, source, json: imageResultRow(message) } };
}

/** A row beyond the TTL would be dropped by the next merge, without a word. */
function outOfRetention(what: string, timeMs: number): ReadRow {
  return { kind: 'unfit', reason: 'OUT_OF_RETENTION', detail: `${what} ${new Date(timeMs).toISOString()}` };
}

export function sourceOf(
  { topic, partition, signal }: Slice,
  { offset, value, timestampMs }: StreamRecord,
): RecordSource {
  return { topic, origin: `${topic}/${partition}/${offset}`, value, timestampMs, signal };
}

/** Number of the month since 1970: the tables' partitions are months. */
function month(epochMs: number): number {
  const date = new Date(epochMs);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}
