import { HELD_LANE, imageEventsTopic } from '../domain/index.js';
import { clickHouseTime } from './counts.js';
import { EVENT_DELAY_MS } from './outcomes.js';
import type { QueryParams, Warehouse } from './warehouse.js';

/** What was uploaded in [from, to) to some buckets under a prefix; milliseconds since the epoch. */
export interface UploadWindow {
  buckets: readonly string[];
  prefix: string;
  fromMs: number;
  toMs: number;
}

/** What is on its way: events that nobody has read, and those in open batches. */
export interface OnTheWay {
  /** By partition: first offset that is not consumed, and the one after the last record. */
  partitions: readonly { topic: string; partition: number; committed: bigint; high: bigint }[];
  /** Records of open batches. */
  batches: readonly { topic: string; partition: number; model: string; firstOffset: bigint; lastOffset: bigint }[];
}

/** Where the images of a bucket are. */
export interface PlaceCount {
  bucket: string;
  place: 'detected' | 'dead' | 'waiting' | 'held' | 'running' | 'missing';
  reason: string;
  images: number;
}

/** An image that was received, has no result, and is nowhere on its way. */
export interface UnaccountedImage {
  bucket: string;
  object: string;
  generation: string;
  model: string;
  uploaded_at: string;
}

const IN_WINDOW = `bucket IN {buckets:Array(String)} AND startsWith(object, {prefix:String})
  AND uploaded_at >= {from:DateTime64(3, 'UTC')} AND uploaded_at < {to:DateTime64(3, 'UTC')}`;

/** Buckets that something was uploaded to in the window, whatever its own buckets say; at most 1,000. */
export async function bucketsUploadedTo(warehouse: Warehouse, window: UploadWindow): Promise<string[]> {
  const rows = await warehouse.query<{ bucket: string }>(
    `SELECT DISTINCT bucket FROM upload_events
     WHERE uploaded_at >= {from:DateTime64(3, 'UTC')} AND uploaded_at < {to:DateTime64(3, 'UTC')}
     ORDER BY bucket LIMIT 1000`,
    paramsOf(window),
  );
  return rows.map(({ bucket }) => bucket);
}

/** Rows of the window by hour of upload, duplicates among them: how much work it is. */
export async function uploadsByHour(
  warehouse: Warehouse,
  window: UploadWindow,
): Promise<{ hourMs: number; rows: number }[]> {
  const rows = await warehouse.query<{ hour: string; rows: string }>(
    `SELECT toUnixTimestamp(toStartOfHour(uploaded_at)) AS hour, count() AS rows FROM upload_events
     WHERE ${IN_WINDOW} GROUP BY hour ORDER BY hour`,
    paramsOf(window),
  );
  return rows.map(({ hour, rows: count }) => ({ hourMs: Number(hour) * 1000, rows: Number(count) }));
}

/** Objects with an event, by bucket: a generation counts once, however many models it was sent to. */
export async function countReceived(warehouse: Warehouse, window: UploadWindow): Promise<Map<string, number>> {
  const rows = await warehouse.query<{ bucket: string; objects: string }>(
    `SELECT bucket, uniqExact(object, generation) AS objects FROM upload_events WHERE ${IN_WINDOW} GROUP BY bucket`,
    paramsOf(window),
  );
  return new Map(rows.map(({ bucket, objects }) => [bucket, Number(objects)]));
}

/** Where all images of the window are. The work is that of the window: keep it to some 100,000 rows. */
export async function countPlaces(warehouse: Warehouse, window: UploadWindow, way: OnTheWay): Promise<PlaceCount[]> {
  const rows = await warehouse.query<Omit<PlaceCount, 'images'> & { images: string }>(
    `SELECT bucket, place, reason, count() AS images FROM (${placesSql(way)}) GROUP BY bucket, place, reason`,
    { ...paramsOf(window), ...wayParams(way) },
  );
  return rows.map((row) => ({ ...row, images: Number(row.images) }));
}

/** The first images of the window that are missing. */
export function missingImages(
  warehouse: Warehouse,
  window: UploadWindow,
  way: OnTheWay,
  limit: number,
): Promise<UnaccountedImage[]> {
  return warehouse.query<UnaccountedImage>(
    `SELECT bucket, object, generation, model, uploaded_at FROM (${placesSql(way)}) WHERE place = 'missing'
     ORDER BY bucket, object, generation, model LIMIT {limit:UInt32}`,
    { ...paramsOf(window), ...wayParams(way), limit },
  );
}

/** What is stored of an object: an event, or only a result, as of one that intake refused before any work. */
export type Received = 'event' | 'result';

/**
 * Of some objects of one bucket, in the order of their names, those of which something is stored, by
 * `generation object`. They are looked up by their generations: a thousand names would not fit a request.
 */
export async function receivedAmong(
  warehouse: Warehouse,
  bucket: string,
  objects: readonly { object: string; generation: string; uploadedAtMs: number }[],
): Promise<Map<string, Received>> {
  if (objects.length === 0) return new Map();
  const times = objects.map(({ uploadedAtMs }) => uploadedAtMs);
  const among = `bucket = {bucket:String} AND object >= {first:String} AND object <= {last:String}
    AND generation IN (${objects.map(({ generation }) => BigInt(generation)).join(', ')})
    AND uploaded_at >= {from:DateTime64(3, 'UTC')} AND uploaded_at <= {to:DateTime64(3, 'UTC')}`;
  const rows = await warehouse.query<{ object: string; generation: string; received: Received }>(
    `SELECT object, generation, if(max(is_event), 'event', 'result') AS received FROM
       (SELECT object, generation, true AS is_event FROM upload_events WHERE ${among}
        UNION ALL SELECT object, generation, false AS is_event FROM image_results WHERE ${among})
     GROUP BY object, generation`,
    {
      bucket,
      first: objects[0]?.object ?? '',
      last: objects.at(-1)?.object ?? '',
      from: clickHouseTime(new Date(Math.min(...times))),
      to: clickHouseTime(new Date(Math.max(...times) + EVENT_DELAY_MS)),
    },
  );
  return new Map(rows.map(({ object, generation, received }) => [`${generation} ${object}`, received]));
}

/**
 * Each image of the window with its place. A result is of any version of the model (name@hash, or the name alone where
 * no detector had it); a detection counts before all, then the latest. Numbers stand in the statement and not in its
 * parameters, which travel in a URL. The element in front of each list stands for what is in none.
 */
function placesSql({ partitions, batches }: OnTheWay): string {
  const at = partitions.map(keyOf);
  const models = modelsOf(batches);
  const ranges = batches.map(
    (batch) =>
      `(${at.indexOf(keyOf(batch)) + 1}, ${models.indexOf(batch.model) + 1}, ${batch.firstOffset}, ${batch.lastOffset})`,
  );
  return `
  SELECT bucket, object, generation, model, uploaded_at,
    multiIf(
      result_status != '', result_status,
      record_offset >= committed AND record_offset < high, if(topic = '${imageEventsTopic(HELD_LANE)}', 'held', 'waiting'),
      arrayExists(batch -> batch.1 = at AND batch.2 = of_model AND record_offset >= batch.3 AND record_offset <= batch.4,
        [${['(0, 0, 1, 0)', ...ranges].join(', ')}]), 'running',
      'missing') AS place,
    if(place = 'dead', result_reason, '') AS reason
  FROM
  (
    SELECT bucket, object, generation, model, uploaded_at, topic, record_offset,
      indexOf({at:Array(String)}, concat(topic, '/', toString(partition))) AS at,
      indexOf({models:Array(String)}, model) AS of_model,
      [${[0n, ...partitions.map(({ committed }) => committed)].join(', ')}][at + 1] AS committed,
      [${[0n, ...partitions.map(({ high }) => high)].join(', ')}][at + 1] AS high
    FROM uploads WHERE ${IN_WINDOW}
  ) AS received
  LEFT JOIN
  (
    SELECT bucket, object, generation, splitByChar('@', model)[1] AS model,
      argMax(toString(status), (status = 'detected', detected_at)) AS result_status,
      argMax(reason, (status = 'detected', detected_at)) AS result_reason
    FROM (SELECT bucket, object, generation, model, status, reason, detected_at FROM images WHERE ${IN_WINDOW})
    GROUP BY bucket, object, generation, model
  ) AS results USING (bucket, object, generation, model)`;
}

const keyOf = ({ topic, partition }: { topic: string; partition: number }): string => `${topic}/${partition}`;
const modelsOf = (batches: OnTheWay['batches']): string[] => [...new Set(batches.map(({ model }) => model))];

function paramsOf({ buckets, prefix, fromMs, toMs }: UploadWindow): QueryParams {
  return { buckets, prefix, from: clickHouseTime(new Date(fromMs)), to: clickHouseTime(new Date(toMs)) };
}

function wayParams({ partitions, batches }: OnTheWay): QueryParams {
  return { at: partitions.map(keyOf), models: modelsOf(batches) };
}
