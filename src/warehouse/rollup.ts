import { clickHouseTime } from './counts.js';
import { followedPins, unfollowedPins } from './pins.js';
import type { Warehouse } from './warehouse.js';

export interface RollupOutcome {
  /** Hours that were computed again. */
  hours: number;
  /** Results stored before this are rolled up. */
  watermark: Date;
}

export interface RollupOptions {
  /** When the pass began, instead of the server's time: for one that goes on, and for tests. */
  now?: Date;
  /** Hours up to this one (milliseconds since the epoch) are done: another try of this pass has computed them. */
  doneThrough?: number;
  /** The `pinnedAt` of that other try. Default 0. */
  pinnedAt?: number;
  /** Ends the pass between two steps. */
  signal?: AbortSignal;
  /** Called after each step. */
  onStep?: (progress: RollupProgress) => void;
}

/** How far a pass has come; milliseconds since the epoch. */
export interface RollupProgress {
  /** When it began: what was stored later is for the next one. */
  beganAt: number;
  /** The last hour that is computed; they go in order. */
  doneThrough: number;
  /** When the latest pin was set that it follows; 0 for none. */
  pinnedAt: number;
}

/** A pass looks this far behind the watermark: `stored_at` is set when an insert begins, not when its rows show. */
const OVERLAP_MS = 10 * 60_000;
/** An idle pass writes no watermark until it is this old: no part every few seconds for nothing. */
const IDLE_WATERMARK_MS = 5 * 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Hours computed by one statement: at 2,000 images a second by two versions, a minute's work of its two allowed. */
const HOURS_PER_STEP = 3;

/**
 * Brings the rollups up to date: every hour of which a row was stored since the watermark, or where a pin that was changed
 * decides, is computed again from `image_current`, and what differs is written. Any number of passes may run at once, and
 * one may die anywhere: the numbers come from the base each time, the row that was read later wins, and watermarks move
 * last.
 */
export async function rollUp(warehouse: Warehouse, options: RollupOptions = {}): Promise<RollupOutcome> {
  const now = options.now ?? (await serverTime(warehouse));
  const watermark = await readWatermark(warehouse);
  const since = new Date(Math.max(0, watermark.getTime() - OVERLAP_MS));
  const touched = await warehouse.query<{ hour: number }>(
    `SELECT DISTINCT toUnixTimestamp(toStartOfHour(uploaded_at)) AS hour
     FROM image_results WHERE stored_at >= {since:DateTime64(3, 'UTC')} ORDER BY hour`,
    { since: clickHouseTime(since) },
  );
  const pins = await unfollowedPins(warehouse);
  const pinnedAt = Math.max(0, ...pins.changes.values());
  // Another try has computed hours with other pins: this one leaves them to the next pass.
  const follows = options.doneThrough === undefined || pinnedAt === (options.pinnedAt ?? 0);
  const all = new Set([...touched.map(({ hour }) => hour * 1000), ...(follows ? pins.hours : [])]);
  const hours = [...all].sort((a, b) => a - b).filter((hour) => !isUnderTtl(hour, now, warehouse.retentionDays));
  await recompute(warehouse, hours, { now, pinnedAt: follows ? pinnedAt : (options.pinnedAt ?? 0) }, options);
  if (follows) await followedPins(warehouse, pins);
  if (hours.length > 0 || now.getTime() - watermark.getTime() > IDLE_WATERMARK_MS) {
    await warehouse.command("INSERT INTO rollup_watermarks SELECT 'images', {watermark:DateTime64(3, 'UTC')}", {
      watermark: clickHouseTime(now),
    });
    return { hours: hours.length, watermark: now > watermark ? now : watermark };
  }
  return { hours: 0, watermark };
}

/**
 * Compares every hour that the base still holds with its rollup and writes what differs: counts by class, so it sees
 * more than a count and a checksum would. For once a day; it reads the whole base.
 */
export async function verifyRollups(warehouse: Warehouse, options: RollupOptions = {}): Promise<RollupOutcome> {
  const now = options.now ?? (await serverTime(warehouse));
  const watermark = await readWatermark(warehouse);
  const present = await warehouse.query<{ hour: number }>(
    `SELECT DISTINCT hour FROM
       (SELECT toUnixTimestamp(toStartOfHour(uploaded_at)) AS hour FROM image_results
        UNION ALL SELECT toUnixTimestamp(hour) AS hour FROM image_rollups WHERE hour >= {oldest:DateTime('UTC')})
     ORDER BY hour`,
    { oldest: clickHouseTime(new Date(oldestHour(now, warehouse.retentionDays))).slice(0, 19) },
  );
  const hours = present
    .map(({ hour }) => hour * 1000)
    .filter((hour) => !isUnderTtl(hour, now, warehouse.retentionDays));
  await recompute(warehouse, hours, { now, pinnedAt: 0 }, options);
  return { hours: hours.length, watermark };
}

async function recompute(
  warehouse: Warehouse,
  all: readonly number[],
  { now, pinnedAt }: { now: Date; pinnedAt: number },
  options: RollupOptions,
): Promise<void> {
  const { doneThrough = -Infinity } = options;
  const hours = all.filter((hour) => hour > doneThrough);
  for (let done = 0; done < hours.length; done += HOURS_PER_STEP) {
    options.signal?.throwIfAborted();
    const step = hours.slice(done, done + HOURS_PER_STEP);
    await warehouse.command(RECOMPUTE, {
      hours: step.map((hour) => hour / 1000),
      from: clickHouseTime(new Date(Math.min(...step))),
      to: clickHouseTime(new Date(Math.max(...step) + HOUR_MS)),
    });
    options.onStep?.({ beganAt: now.getTime(), doneThrough: Math.max(...step), pinnedAt });
  }
}

/**
 * One statement reads the base, compares and writes, so that it needs nothing remembered between. now64() is fixed
 * when the statement begins, before the base is read. Keys that have a rollup but nothing left in the base (a version
 * that is no longer shown) come out as zeros. Times bound the partitions, hours the granules.
 */
const RECOMPUTE = `
  INSERT INTO image_rollups
    (hour, bucket, model, images, dead, detections, class, class_images, class_detections, version)
  SELECT
    hour, bucket, model,
    anyIf(images, fresh) AS new_images,
    anyIf(dead, fresh) AS new_dead,
    anyIf(detections, fresh) AS new_detections,
    anyIf(class, fresh) AS new_class,
    anyIf(class_images, fresh) AS new_class_images,
    anyIf(class_detections, fresh) AS new_class_detections,
    toUInt64(toUnixTimestamp64Micro(now64(6)))
  FROM
  (
    SELECT
      true AS fresh, hour, bucket, model, images, dead, detections,
      by_box.1 AS class, by_image.2 AS class_images, by_box.2 AS class_detections
    FROM
    (
      SELECT
        toStartOfHour(uploaded_at) AS hour, bucket, model,
        count() AS images,
        countIf(status = 'dead') AS dead,
        sum(length(classes)) AS detections,
        sumMap(classes, arrayMap(c -> toUInt64(1), classes)) AS by_box,
        sumMap(arrayDistinct(classes), arrayMap(c -> toUInt64(1), arrayDistinct(classes))) AS by_image
      FROM
      (
        SELECT uploaded_at, bucket, model, status, CAST(boxes.class AS Array(String)) AS classes
        FROM image_current
        WHERE uploaded_at >= {from:DateTime64(3, 'UTC')} AND uploaded_at < {to:DateTime64(3, 'UTC')}
          AND toStartOfHour(uploaded_at) IN arrayMap(h -> toDateTime(h, 'UTC'), {hours:Array(UInt32)})
      )
      GROUP BY hour, bucket, model
    )
    UNION ALL
    SELECT false AS fresh, hour, bucket, model, images, dead, detections, class, class_images, class_detections
    FROM image_rollups FINAL
    WHERE hour IN arrayMap(h -> toDateTime(h, 'UTC'), {hours:Array(UInt32)})
  )
  GROUP BY hour, bucket, model
  HAVING (new_images, new_dead, new_detections, new_class, new_class_images, new_class_detections)
    != (anyIf(images, NOT fresh), anyIf(dead, NOT fresh), anyIf(detections, NOT fresh),
        anyIf(class, NOT fresh), anyIf(class_images, NOT fresh), anyIf(class_detections, NOT fresh))
  SETTINGS do_not_merge_across_partitions_select_final = 1`;

/** Hours that TTL may have begun to eat, with a day to spare: their numbers stay as they are. */
function isUnderTtl(hour: number, now: Date, retentionDays: number): boolean {
  return hour < oldestHour(now, retentionDays);
}

function oldestHour(now: Date, retentionDays: number): number {
  return Math.max(0, now.getTime() - (retentionDays - 1) * DAY_MS);
}

async function readWatermark(warehouse: Warehouse): Promise<Date> {
  const [row] = await warehouse.query<{ ms: string }>(
    "SELECT toUnixTimestamp64Milli(max(watermark)) AS ms FROM rollup_watermarks WHERE name = 'images'",
  );
  return new Date(Number(row?.ms ?? 0));
}

async function serverTime(warehouse: Warehouse): Promise<Date> {
  const [row] = await warehouse.query<{ ms: string }>('SELECT toUnixTimestamp64Milli(now64(3)) AS ms');
  return new Date(Number(row?.ms));
}
