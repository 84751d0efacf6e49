import { setTimeout as sleep } from 'node:timers/promises';
import {
  countPlaces,
  countReceived,
  missingImages,
  uploadsByHour,
  type OnTheWay,
  type UploadWindow,
} from '../warehouse/index.js';
import { auditListing, lookAgain } from './listing.js';
import type { AuditOptions } from './options.js';
import { emptyBucket, type AuditReport, type BucketAudit, type MissingImage } from './report.js';
import { slicesOf } from './slices.js';

/** Rows of one comparison: ClickHouse holds a slice in memory, this process holds counts alone. */
const ROWS_PER_SLICE = 250_000;

/**
 * Compares buckets, events and results: what lies in a bucket and was never received, and what was received, has no
 * result and is nowhere on its way. Whatever seems missing is looked at twice, the second time after the sink has stored
 * what was in Kafka then: what only was on its way between two servers is not called lost.
 */
export async function audit(options: AuditOptions): Promise<AuditReport> {
  const { now, fromMs, toMs, prefix, mostListed } = options;
  const buckets = new Map(options.buckets.map((bucket) => [bucket, emptyBucket(bucket)]));
  const behindAtFirst = await options.sinkBehind();
  const missing: MissingImage[] = [];
  const inBucket = new Map<string, number>();
  for (const [bucket, counts] of buckets) {
    const listing = await auditListing(options, bucket, counts);
    inBucket.set(bucket, listing.received);
    missing.push(...listing.missing.slice(0, mostListed - missing.length));
  }
  const window = { buckets: options.buckets, prefix, fromMs, toMs };
  const unstored = await compare(options, window, buckets, inBucket, mostListed - missing.length);

  const needsSecondLook = missing.length + unstored.length > 0;
  const sinkBehind = needsSecondLook ? await options.sinkBehind() : behindAtFirst;
  const lost = needsSecondLook
    ? [...(await lookAgain(options, missing, buckets)), ...(await stillMissing(options, unstored, buckets))]
    : [];
  return {
    checkedAt: new Date(now()).toISOString(),
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    prefix,
    buckets: [...buckets.values()],
    missing: [...buckets.values()].reduce((sum, { notReceived, notStored }) => sum + notReceived + notStored, 0),
    listed: lost,
    sinkBehind,
  };
}

/** Counts where what was received is, slice by slice; returns the first that are missing. */
async function compare(
  options: AuditOptions,
  window: UploadWindow,
  buckets: Map<string, BucketAudit>,
  inBucket: ReadonlyMap<string, number>,
  mostListed: number,
): Promise<MissingImage[]> {
  const { warehouse, signal, onProgress } = options;
  const slices = slicesOf(await uploadsByHour(warehouse, window), window, ROWS_PER_SLICE);
  const missing: MissingImage[] = [];
  for (const [index, times] of slices.entries()) {
    signal.throwIfAborted();
    onProgress?.({ doing: 'comparing', done: index, of: slices.length });
    const slice = { ...window, ...times };
    // Asked before ClickHouse is: what leaves Kafka and its batch meanwhile has its row, or is looked at again.
    const way = await options.onTheWay();
    for (const [bucket, objects] of await countReceived(warehouse, slice))
      (buckets.get(bucket) ?? emptyBucket(bucket)).received += objects;
    let unstored = 0;
    for (const { bucket, place, reason, images } of await countPlaces(warehouse, slice, way)) {
      const counts = buckets.get(bucket) ?? emptyBucket(bucket);
      if (place === 'dead') counts.dead[reason] = (counts.dead[reason] ?? 0) + images;
      else if (place === 'missing') {
        counts.notStored += images;
        unstored += images;
      } else counts[place] += images;
    }
    if (unstored > 0) missing.push(...(await firstMissing(options, slice, way, mostListed - missing.length)));
  }
  for (const [bucket, counts] of buckets) {
    if (counts.problem === null) counts.goneSince = Math.max(0, counts.received - (inBucket.get(bucket) ?? 0));
  }
  return missing;
}

async function firstMissing(
  { warehouse }: AuditOptions,
  window: UploadWindow,
  way: OnTheWay,
  limit: number,
): Promise<MissingImage[]> {
  if (limit <= 0) return [];
  const rows = await missingImages(warehouse, window, way, limit);
  return rows.map(({ uploaded_at, ...image }) => ({ kind: 'not-stored', ...image, uploadedAt: uploaded_at }));
}

/** Visibility follows executions within seconds: a batch that was just started may not have been seen. */
const VISIBLE_MS = 2_000;

/** Of images that were missing, those that are so now; the others are taken out of the counts. */
async function stillMissing(
  options: AuditOptions,
  images: readonly MissingImage[],
  buckets: Map<string, BucketAudit>,
): Promise<MissingImage[]> {
  if (images.length === 0) return [];
  await sleep(VISIBLE_MS, undefined, { signal: options.signal });
  const way = await options.onTheWay();
  const still: MissingImage[] = [];
  for (const image of images) {
    const counts = buckets.get(image.bucket);
    const uploadedMs = Date.parse(image.uploadedAt);
    const window = { buckets: [image.bucket], prefix: image.object, fromMs: uploadedMs, toMs: uploadedMs + 1 };
    const now = await missingImages(options.warehouse, window, way, options.mostListed);
    if (
      now.some((one) => one.object === image.object && one.generation === image.generation && one.model === image.model)
    )
      still.push(image);
    else if (counts) counts.notStored -= 1;
  }
  return still;
}
