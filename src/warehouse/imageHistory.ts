import { clickHouseTime, storedWithin } from './counts.js';
import type { Warehouse } from './warehouse.js';

/** One object; of all its generations unless one is named. */
export interface ObjectName {
  bucket: string;
  object: string;
  generation?: string | undefined;
}

/** An event as it is stored: the last record of an image for one model. Times are ISO 8601. */
export interface UploadRow {
  generation: string;
  /** Name, without hash. */
  model: string;
  lane: string;
  topic: string;
  partition: number;
  record_offset: string;
  event_id: string;
  source_id: string;
  content_type: string;
  size_bytes: string | null;
  uploaded_at: string;
  received_at: string;
  deadline_at: string | null;
  stored_at: string;
}

/** What became of an image under one version of a model. Times are ISO 8601, boxes pixels. */
export interface ResultRow {
  generation: string;
  /** name@hash */
  model: string;
  status: 'detected' | 'dead';
  reason: string;
  detail: string;
  width: number;
  height: number;
  boxes: [name: string, score: number, xMin: number, yMin: number, xMax: number, yMax: number][];
  uploaded_at: string;
  received_at: string;
  detected_at: string;
  stored_at: string;
  attempts: number;
  workflow_id: string;
  run_id: string;
}

const OF_OBJECT = `bucket = {bucket:String} AND object = {object:String}
  AND ({generation:String} = '' OR generation = toUInt64OrZero({generation:String}))`;

function paramsOf({ bucket, object, generation = '' }: ObjectName): Record<string, string> {
  return { bucket, object, generation };
}

/** The events of an object, newest generation first; at most `limit`. */
export function uploadsOf(warehouse: Warehouse, name: ObjectName, limit: number): Promise<UploadRow[]> {
  return warehouse.query<UploadRow>(
    `SELECT generation, model, lane, topic, partition, record_offset, event_id, source_id, content_type, size_bytes,
       uploaded_at, received_at, deadline_at, stored_at
     FROM uploads WHERE ${OF_OBJECT} ORDER BY generation DESC, model LIMIT {limit:UInt32}`,
    { ...paramsOf(name), limit },
  );
}

/**
 * The results of an object, newest generation first. Of each the detection that `images` shows comes first, where it
 * shows one, then the latest. At most `limit`, of each 1,000 boxes.
 */
export function resultsOf(warehouse: Warehouse, name: ObjectName, limit: number): Promise<ResultRow[]> {
  return warehouse.query<ResultRow>(
    `SELECT generation, model, status, reason, detail, width, height,
       arraySlice(arrayZip(boxes.class, boxes.score, boxes.x_min, boxes.y_min, boxes.x_max, boxes.y_max), 1, 1000) AS boxes,
       uploaded_at, received_at, detected_at, stored_at, attempts, workflow_id, run_id
     FROM image_results FINAL WHERE ${OF_OBJECT}
     ORDER BY generation DESC,
       status = 'detected' AND (generation, model) IN (SELECT generation, model FROM images WHERE ${OF_OBJECT}) DESC,
       detected_at DESC
     LIMIT {limit:UInt32}
     SETTINGS do_not_merge_across_partitions_select_final = 1`,
    { ...paramsOf(name), limit },
  );
}

/** Images a second whose rows were stored in the last `minutes`. */
export async function storedRate(warehouse: Warehouse, minutes: number): Promise<number> {
  const [row] = await warehouse.query<{ images: string }>(
    `SELECT count() AS images FROM images WHERE ${storedWithin('toIntervalMinute({minutes:UInt32})')}`,
    { minutes },
  );
  return Number(row?.images ?? 0) / (minutes * 60);
}

/** A refused event, without its content. */
export interface RefusedEvent {
  reason: string;
  detail: string;
  origin: string;
  received_at: string;
}

/**
 * Events that intake has refused since a time and that name the object; at most three, the latest first. Looks in what
 * they hold for the whole name, as JSON has it or at the end of a CloudEvent's subject, and for the bucket; gives up
 * after 3 s.
 */
export function refusedEventsOf(
  warehouse: Warehouse,
  { bucket, object }: ObjectName,
  since: Date,
): Promise<RefusedEvent[]> {
  const name = JSON.stringify(object);
  return warehouse.query<RefusedEvent>(
    `SELECT reason, detail, origin, received_at FROM dead_letters
     WHERE source = 'intake' AND received_at >= {since:DateTime64(3, 'UTC')}
       AND (position(payload, {name:String}) > 0 OR position(payload, {subject:String}) > 0)
       AND position(payload, {bucket:String}) > 0
     ORDER BY received_at DESC LIMIT 3 SETTINGS max_execution_time = 3`,
    { since: clickHouseTime(since), name, subject: `"objects/${name.slice(1)}`, bucket },
  );
}

/** An image whose row was stored lately. Times are ISO 8601. */
export interface RecentImage {
  bucket: string;
  object: string;
  generation: string;
  /** name@hash */
  model: string;
  status: 'detected' | 'dead';
  reason: string;
  boxes: number;
  stored_at: string;
}

/** Those that were stored last, newest first; at most `limit`. Looks back ten minutes, and a day where that gives none. */
export async function recentImages(warehouse: Warehouse, limit: number): Promise<RecentImage[]> {
  for (const interval of ['INTERVAL 10 MINUTE', 'INTERVAL 1 DAY']) {
    const rows = await warehouse.query<RecentImage>(
      `SELECT bucket, object, generation, model, status, reason, toUInt32(length(boxes.class)) AS boxes, stored_at
       FROM image_results WHERE stored_at > now64(3) - ${interval}
       ORDER BY stored_at DESC LIMIT 1 BY bucket, object, generation, model LIMIT {limit:UInt32}`,
      { limit },
    );
    if (rows.length > 0) return rows;
  }
  return [];
}
