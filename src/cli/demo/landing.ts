import type { Detection } from '../../domain/index.js';
import type { Warehouse } from '../../warehouse/index.js';
import type { HourlyCount } from './account.js';
import type { SentImage } from './send.js';

/** One row of the view `images`; times in milliseconds since the epoch. */
export interface LandedRow {
  object: string;
  generation: string;
  model: string;
  status: string;
  reason: string;
  detail: string;
  uploadedAtMs: number;
  /** Intake took its event. */
  receivedAtMs: number;
  detectedAtMs: number;
  storedAtMs: number;
}

/** ClickHouse sends 64-bit numbers as text. */
type AsText<Row, Name extends keyof Row> = Omit<Row, Name> & Record<Name, string | number>;

/** What one run of the demo sent, as ClickHouse finds it. */
export interface RunInTables {
  bucket: string;
  prefix: string;
  /** Nothing of the run was uploaded before; bounds what is read. */
  sinceMs: number;
}

const OF_RUN =
  'bucket = {bucket:String} AND startsWith(object, {prefix:String}) AND uploaded_at >= fromUnixTimestamp64Milli({since:Int64})';

function runParams({ bucket, prefix, sinceMs }: RunInTables): { bucket: string; prefix: string; since: number } {
  return { bucket, prefix, since: sinceMs };
}

/** Rows of the run so far. */
export async function countLanded(warehouse: Warehouse, run: RunInTables): Promise<number> {
  const [row] = await warehouse.query<{ rows: string }>(
    `SELECT count() AS rows FROM images WHERE ${OF_RUN}`,
    runParams(run),
  );
  return Number(row?.rows ?? 0);
}

/** Rows of one page of the images that were sent; names are those of the page's first and last. */
const PAGE = 2_000;

/** Images sorted by object, in pages: a run of any length is read without holding all of it. */
export function pages(images: readonly SentImage[]): SentImage[][] {
  const sorted = images.toSorted((a, b) => (a.object < b.object ? -1 : a.object > b.object ? 1 : 0));
  return Array.from({ length: Math.ceil(sorted.length / PAGE) }, (_, page) =>
    sorted.slice(page * PAGE, (page + 1) * PAGE),
  );
}

function pageParams(page: readonly SentImage[]): { first: string; last: string } {
  return { first: page[0]?.object ?? '', last: page.at(-1)?.object ?? '' };
}

const OF_PAGE = `${OF_RUN} AND object >= {first:String} AND object <= {last:String}`;

export async function readRows(
  warehouse: Warehouse,
  run: RunInTables,
  page: readonly SentImage[],
): Promise<LandedRow[]> {
  const rows = await warehouse.query<
    AsText<LandedRow, 'uploadedAtMs' | 'receivedAtMs' | 'detectedAtMs' | 'storedAtMs'>
  >(
    `SELECT object, toString(generation) AS generation, model, status, reason, detail,
       toUnixTimestamp64Milli(uploaded_at) AS uploadedAtMs,
       toUnixTimestamp64Milli(received_at) AS receivedAtMs,
       toUnixTimestamp64Milli(detected_at) AS detectedAtMs,
       toUnixTimestamp64Milli(stored_at) AS storedAtMs
     FROM images WHERE ${OF_PAGE}`,
    { ...runParams(run), ...pageParams(page) },
  );
  return rows.map((row) => ({
    ...row,
    uploadedAtMs: Number(row.uploadedAtMs),
    receivedAtMs: Number(row.receivedAtMs),
    detectedAtMs: Number(row.detectedAtMs),
    storedAtMs: Number(row.storedAtMs),
  }));
}

/** Boxes by object name; the best score first. */
export async function readDetections(
  warehouse: Warehouse,
  run: RunInTables,
  page: readonly SentImage[],
): Promise<Map<string, Detection[]>> {
  const rows = await warehouse.query<Detection & { object: string }>(
    `SELECT object, class, score, x_min AS xMin, y_min AS yMin, x_max AS xMax, y_max AS yMax
     FROM detections WHERE ${OF_PAGE} ORDER BY score DESC`,
    { ...runParams(run), ...pageParams(page) },
  );
  const byObject = new Map<string, Detection[]>();
  for (const { object, ...detection } of rows) {
    const known = byObject.get(object);
    if (known) known.push(detection);
    else byObject.set(object, [detection]);
  }
  return byObject;
}

/** Boxes of the run, and how many of them are there twice: the same class at the same place of the same image. */
export async function countDetections(
  warehouse: Warehouse,
  run: RunInTables,
): Promise<{ detections: number; twice: number }> {
  const [row] = await warehouse.query<{ detections: string; different: string }>(
    `SELECT count() AS detections,
       uniqExact(object, generation, model, class, x_min, y_min, x_max, y_max) AS different
     FROM detections WHERE ${OF_RUN}`,
    runParams(run),
  );
  const detections = Number(row?.detections ?? 0);
  return { detections, twice: detections - Number(row?.different ?? 0) };
}

/** Rows of the run as they lie in the table, those that are still to be replaced by a later one of their key included. */
export async function countRawRows(warehouse: Warehouse, run: RunInTables): Promise<number> {
  const [row] = await warehouse.query<{ rows: string }>(
    `SELECT count() AS rows FROM image_results WHERE ${OF_RUN}`,
    runParams(run),
  );
  return Number(row?.rows ?? 0);
}

const HOUR_MS = 3_600_000;

/** Counts by hour, model and class, of the hours in which the run uploaded: from the images and from the rollups. */
export async function readHourly(
  warehouse: Warehouse,
  bucket: string,
  uploadedAtMs: { first: number; last: number },
): Promise<{ base: HourlyCount[]; rollup: HourlyCount[] }> {
  const params = {
    bucket,
    from: Math.floor(uploadedAtMs.first / HOUR_MS) * 3600,
    to: (Math.floor(uploadedAtMs.last / HOUR_MS) + 1) * 3600,
  };
  const within = (time: string): string =>
    `bucket = {bucket:String} AND ${time} >= toDateTime({from:UInt32}, 'UTC') AND ${time} < toDateTime({to:UInt32}, 'UTC')`;
  const read = async (sql: string): Promise<HourlyCount[]> => {
    const rows = await warehouse.query<AsText<HourlyCount, 'hour' | 'images' | 'detections'>>(sql, params);
    return rows.map((row) => ({
      ...row,
      hour: Number(row.hour),
      images: Number(row.images),
      detections: Number(row.detections),
    }));
  };
  const [base, rollup] = await Promise.all([
    read(
      `SELECT toUnixTimestamp(toStartOfHour(uploaded_at)) AS hour, model, class,
         uniqExact(object, generation) AS images, count() AS detections
       FROM detections WHERE ${within('uploaded_at')} GROUP BY hour, model, class`,
    ),
    read(
      `SELECT toUnixTimestamp(hour) AS hour, model, class, images, detections
       FROM detections_hourly WHERE ${within('detections_hourly.hour')}`,
    ),
  ]);
  return { base, rollup };
}
