import type { ChangeRecord, DeadLetter, ImageEvent, ImageResult } from '../domain/index.js';

/** Where rows go: a table and the columns that each row's array holds, in order. */
export interface Target {
  table: string;
  /** None: those that each row names itself. */
  columns: readonly string[];
  /**
   * Default: JSONCompactEachRow, the text of an array with one value per column. RowBinary: packed strings of
   * bytes, for a target that selects.
   */
  format?: 'JSONCompactEachRow' | 'JSONEachRow' | 'RowBinary';
  /** `SELECT … FROM input('record String') …`: makes the columns of what each row carries. */
  select?: string;
  /** Of JSONEachRow: fields without a column are left out. Default: a row that has one is refused. */
  skipsUnknownFields?: boolean;
}

/** Largest time that the columns hold; ClickHouse would wrap a larger one around without a word. */
export const MAX_TIME_MS = Date.UTC(2100, 0);

export const IMAGE_RESULTS: Target = {
  table: 'image_results',
  columns: [
    ...['bucket', 'object', 'generation', 'model', 'status', 'reason', 'detail', 'width', 'height'],
    ...['boxes.class', 'boxes.score', 'boxes.x_min', 'boxes.y_min', 'boxes.x_max', 'boxes.y_max'],
    ...['uploaded_at', 'received_at', 'detected_at', 'attempts', 'workflow_id', 'run_id'],
  ],
};

export const UPLOAD_EVENTS: Target = {
  table: 'upload_events',
  columns: [
    ...['bucket', 'object', 'generation', 'model', 'lane', 'topic', 'partition', 'record_offset', 'recorded_at'],
    ...['event_id', 'source_id', 'content_type', 'size_bytes', 'uploaded_at', 'received_at', 'deadline_at'],
  ],
};

export const DEAD_LETTERS: Target = {
  table: 'dead_letter_records',
  columns: [
    ...['id', 'source', 'reason', 'detail', 'origin', 'payload', 'payload_encoding', 'payload_truncated'],
    ...['received_at', 'record_key', 'headers'],
  ],
};

/** The row of `IMAGE_RESULTS` for a result; times are milliseconds, the tick of DateTime64(3). */
export function imageResultRow(result: ImageResult): string {
  const boxes = result.detections;
  return JSON.stringify([
    result.bucket,
    result.object,
    result.generation,
    result.model,
    result.status,
    result.reason ?? '',
    (result.detail ?? '').toWellFormed(),
    result.width,
    result.height,
    boxes.map((box) => box.class),
    boxes.map((box) => box.score),
    boxes.map((box) => box.xMin),
    boxes.map((box) => box.yMin),
    boxes.map((box) => box.xMax),
    boxes.map((box) => box.yMax),
    result.uploadedAtMs,
    result.receivedAtMs,
    result.detectedAtMs,
    result.attempts,
    result.workflowId,
    result.runId,
  ]);
}

/** The row of `DEAD_LETTERS` for a dead letter. ClickHouse refuses half a surrogate pair, which a cut text may end in. */
export function deadLetterRow(letter: DeadLetter): string {
  return JSON.stringify([
    letter.id,
    letter.source,
    letter.reason,
    letter.detail.toWellFormed(),
    letter.origin.toWellFormed(),
    letter.payload.toWellFormed(),
    letter.payloadEncoding,
    letter.payloadTruncated,
    letter.receivedAtMs,
    letter.key?.toWellFormed() ?? null,
    Object.fromEntries(
      Object.entries(letter.headers ?? {}).map(([name, value]) => [name.toWellFormed(), value.toWellFormed()]),
    ),
  ]);
}

/** Where an event was read. */
export interface EventRecord {
  /** Lane that the event is of, also while it is held. */
  lane: string;
  topic: string;
  partition: number;
  offset: bigint;
  /** When the record was written, milliseconds since the epoch: of several of one image the latest counts. */
  recordedAtMs: number;
}

/** The row of `UPLOAD_EVENTS` for an event. */
export function uploadEventRow(event: ImageEvent, at: EventRecord): string {
  return JSON.stringify([
    event.bucket,
    event.object,
    event.generation,
    event.model,
    at.lane,
    at.topic,
    at.partition,
    at.offset.toString(),
    at.recordedAtMs,
    event.id.toWellFormed(),
    (event.sourceId ?? '').toWellFormed(),
    (event.contentType ?? '').toWellFormed(),
    event.sizeBytes ?? null,
    event.uploadedAtMs,
    event.receivedAtMs,
    event.deadlineMs ?? null,
  ]);
}

export const CAPACITY_CHANGES: Target = {
  table: 'capacity_change_records',
  columns: ['id', 'changed_at', 'in_force_at', 'who', 'why', 'kind', 'model', 'before', 'after'],
};

/** The row of `CAPACITY_CHANGES` for a change. */
export function capacityChangeRow(change: ChangeRecord): string {
  return JSON.stringify([
    change.id,
    change.changedAtMs,
    change.inForceAtMs,
    change.who.toWellFormed(),
    change.why.toWellFormed(),
    change.kind,
    change.model,
    change.before,
    change.after,
  ]);
}

/** What a person decided about a dead letter. */
export interface DeadLetterDecision {
  letterId: string;
  letterReceivedAtMs: number;
  decision: 'replayed' | 'discarded';
  decidedAtMs: number;
  who: string;
  why: string;
}

export const DEAD_LETTER_DECISIONS: Target = {
  table: 'dead_letter_decision_records',
  columns: ['letter_id', 'letter_received_at', 'decision', 'decided_at', 'who', 'why'],
};

/** The row of `DEAD_LETTER_DECISIONS` for a decision. */
export function deadLetterDecisionRow(decision: DeadLetterDecision): string {
  return JSON.stringify([
    decision.letterId,
    decision.letterReceivedAtMs,
    decision.decision,
    decision.decidedAtMs,
    decision.who.toWellFormed(),
    decision.why.toWellFormed(),
  ]);
}
