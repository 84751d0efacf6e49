import {
  DEAD_LETTERS_TOPIC,
  deadLetterSchema,
  HELD_LANE,
  imageEventSchema,
  imageResultSchema,
  laneOf,
} from '../domain/index.js';
import type { Slice, StreamRecord } from '../stream/index.js';
import {
  DEAD_LETTERS,
  deadLetterRow,
  IMAGE_RESULTS,
  imageResultRow,
  MAX_TIME_MS,
  UPLOAD_EVENTS,
  uploadEventRow,
  type EncodedRow,
  type Target,
} from '../warehouse/index.js';
import type { ReadRow, RecordSource, Retention } from './block.js';

const DAY_MS = 86_400_000;

/** Turns a record of Penstock's topics into a row of its table, or says why it does not fit there. */
export function readRow(source: RecordSource, retention: Retention): ReadRow {
  let value: unknown;
  try {
    value = JSON.parse(source.value.toString('utf8'));
  } catch (error) {
    return unfit(`no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (source.topic === DEAD_LETTERS_TOPIC) return readDeadLetter(source, value);
  const lane = laneOf(source.topic);
  return lane === undefined ? readResult(source, value, retention) : readEvent(source, value, lane, retention);
}

function readDeadLetter(source: RecordSource, value: unknown): ReadRow {
  const parsed = deadLetterSchema.safeParse(value);
  if (!parsed.success) return unfit(issuesOf(parsed.error));
  const letter = parsed.data;
  const wrong = beyondColumns({ receivedAtMs: letter.receivedAtMs });
  if (wrong !== undefined) return unfit(wrong);
  return row(source, DEAD_LETTERS, letter.receivedAtMs, deadLetterRow(letter));
}

function readResult(source: RecordSource, value: unknown, retention: Retention): ReadRow {
  const parsed = imageResultSchema.safeParse(value);
  if (!parsed.success) return unfit(issuesOf(parsed.error));
  const result = parsed.data;
  const { uploadedAtMs, receivedAtMs, detectedAtMs } = result;
  const wrong = beyondColumns({ uploadedAtMs, receivedAtMs, detectedAtMs });
  if (wrong !== undefined) return unfit(wrong);
  if (isTooOld(uploadedAtMs, retention)) return outOfRetention(uploadedAtMs);
  return row(source, IMAGE_RESULTS, uploadedAtMs, imageResultRow(result));
}

function readEvent(source: RecordSource, value: unknown, topicLane: string, retention: Retention): ReadRow {
  const parsed = imageEventSchema.safeParse(value);
  if (!parsed.success) return unfit(issuesOf(parsed.error));
  const event = parsed.data;
  const { uploadedAtMs, receivedAtMs, deadlineMs } = event;
  const wrong = beyondColumns({ uploadedAtMs, receivedAtMs });
  if (wrong !== undefined) return unfit(wrong);
  if (isTooOld(uploadedAtMs, retention)) return outOfRetention(uploadedAtMs);
  const { topic, partition, offset, timestampMs } = source;
  const lane = topicLane === HELD_LANE ? (event.lane ?? '') : topicLane;
  // A record without a time (-1), or one of a clock gone wrong, is as old, or as new, as can be.
  const recordedAtMs = Math.min(Math.max(0, timestampMs), MAX_TIME_MS);
  // A deadline in the year 9999 is none, and whoever set it is not at fault.
  const last = deadlineMs === undefined ? {} : { deadlineMs: Math.min(deadlineMs, MAX_TIME_MS) };
  const json = uploadEventRow({ ...event, ...last }, { lane, topic, partition, offset, recordedAtMs });
  return row(source, UPLOAD_EVENTS, uploadedAtMs, json);
}

/** What the schema of the message allows and no column holds. */
function beyondColumns(times: Record<string, number>): string | undefined {
  for (const [field, ms] of Object.entries(times)) if (ms > MAX_TIME_MS) return `${field}: ${ms} is after 2100`;
  return undefined;
}

function isTooOld(uploadedAtMs: number, { days, nowMs }: Retention): boolean {
  return uploadedAtMs < nowMs - days * DAY_MS;
}

function row(source: RecordSource, target: Target, partitionedByMs: number, data: EncodedRow): ReadRow {
  return { kind: 'row', row: { target, tablePartition: month(partitionedByMs), source, data } };
}

function unfit(detail: string): ReadRow {
  return { kind: 'unfit', reason: 'INVALID_RECORD', detail: detail.slice(0, 2000) };
}

/** A row beyond the TTL would be dropped by the next merge, without a word. */
function outOfRetention(uploadedAtMs: number): ReadRow {
  return { kind: 'unfit', reason: 'OUT_OF_RETENTION', detail: `uploaded ${new Date(uploadedAtMs).toISOString()}` };
}

function issuesOf({ issues }: { issues: readonly { path: readonly PropertyKey[]; message: string }[] }): string {
  return issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
}

export function sourceOf(
  { topic, partition, signal }: Pick<Slice, 'topic' | 'partition' | 'signal'>,
  { offset, key, value, headers, timestampMs }: StreamRecord,
): RecordSource {
  const origin = `${topic}/${partition}/${offset}`;
  return { topic, partition, offset, origin, key, value, timestampMs, signal, ...(headers ? { headers } : {}) };
}

/** Number of the month since 1970: the tables' partitions are months. */
function month(epochMs: number): number {
  const date = new Date(epochMs);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}
