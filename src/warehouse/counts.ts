import type { Warehouse } from './warehouse.js';

/** How many images are in the tables; each counted once per model. */
export interface ImageCounts {
  images: number;
  detected: number;
  dead: number;
  /** Dead ones by reason code. */
  deadByReason: Record<string, number>;
  /** Rows in the base table: more than `images` while duplicates wait to be merged. */
  rows: number;
}

/** Counts from the deduplicated images; optionally only what was uploaded to a bucket or stored since a time. */
export async function countImages(
  warehouse: Warehouse,
  only: { bucket?: string; storedSince?: Date } = {},
): Promise<ImageCounts> {
  const where =
    "WHERE ({bucket:String} = '' OR bucket = {bucket:String}) AND stored_at >= {since:DateTime64(3, 'UTC')}";
  const params = { bucket: only.bucket ?? '', since: clickHouseTime(only.storedSince ?? new Date(0)) };
  const [groups, [base]] = await Promise.all([
    warehouse.query<{ status: string; reason: string; images: string }>(
      `SELECT status, reason, count() AS images FROM images ${where} GROUP BY status, reason ORDER BY images DESC`,
      params,
    ),
    warehouse.query<{ rows: string }>(`SELECT count() AS rows FROM image_results ${where}`, params),
  ]);
  const total = (status: string): number =>
    groups.filter((group) => group.status === status).reduce((sum, group) => sum + Number(group.images), 0);
  return {
    images: total('detected') + total('dead'),
    detected: total('detected'),
    dead: total('dead'),
    deadByReason: Object.fromEntries(
      groups.filter(({ status }) => status === 'dead').map(({ reason, images }) => [reason, Number(images)]),
    ),
    rows: Number(base?.rows ?? 0),
  };
}

/** Dead letters by reason code, each counted once. */
export async function countDeadLetters(warehouse: Warehouse): Promise<Record<string, number>> {
  const groups = await warehouse.query<{ reason: string; letters: string }>(
    'SELECT reason, count() AS letters FROM dead_letters GROUP BY reason ORDER BY letters DESC',
  );
  return Object.fromEntries(groups.map(({ reason, letters }) => [reason, Number(letters)]));
}

/**
 * Condition on `images`: stored within an interval, such as `INTERVAL 1 DAY`. Only hours that hold such rows are looked at:
 * when a row was stored is known to the view only once it has picked the row.
 */
export function storedWithin(interval: string): string {
  const recent = `stored_at > now64(3) - ${interval}`;
  return `${recent} AND toStartOfHour(uploaded_at) IN (SELECT toStartOfHour(uploaded_at) FROM image_results WHERE ${recent})`;
}

/** `2026-01-31 12:00:00.000`, as a parameter of DateTime64(3, 'UTC'). */
export function clickHouseTime(time: Date): string {
  return time.toISOString().replace('T', ' ').replace('Z', '');
}
