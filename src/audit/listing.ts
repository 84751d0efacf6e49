import { setTimeout as sleep } from 'node:timers/promises';
import { createObjectAdmission, readStorageObject, type FinalizedObject } from '../admission/index.js';
import { receivedAmong } from '../warehouse/index.js';
import type { AuditOptions } from './options.js';
import type { BucketAudit, MissingImage } from './report.js';

/** As many as the storage API gives at once. */
const PAGE_OBJECTS = 1_000;

/**
 * Lists a bucket page by page and asks for the events of what was uploaded in time. Returns how many of the objects
 * have one, and the first of those that intake takes and that have none.
 */
export async function auditListing(
  options: AuditOptions,
  bucket: string,
  counts: BucketAudit,
): Promise<{ received: number; missing: MissingImage[] }> {
  const { lister, prefix, signal, onProgress, mostListed, pageEveryMs, mostObjects = Infinity } = options;
  const missing: MissingImage[] = [];
  let received = 0;
  let seen = 0;
  let after: string | undefined;
  do {
    signal.throwIfAborted();
    const next = sleep(pageEveryMs, undefined, { signal });
    const page = await lister.list({ bucket, prefix, after, limit: PAGE_OBJECTS });
    if (page.kind !== 'page') {
      counts.problem = `${page.kind}: ${page.detail}`;
      await next;
      break;
    }
    seen += page.resources.length;
    const inTime = page.resources.filter((resource) => isInTime(resource, options));
    const { wanted, others } = sortOut(options, inTime, counts);
    const known = await receivedAmong(options.warehouse, bucket, [...wanted, ...others].sort(byName));
    for (const object of wanted) {
      const stored = known.get(keyOf(object));
      // Its event came when it was hopeless, after its deadline.
      if (stored === 'result') counts.notTaken['refused'] = (counts.notTaken['refused'] ?? 0) + 1;
      if (stored !== undefined) continue;
      counts.notReceived += 1;
      if (missing.length < mostListed) missing.push(notReceived(object));
    }
    received += [...wanted, ...others].filter((object) => known.get(keyOf(object)) === 'event').length;
    counts.objects += inTime.length;
    onProgress?.({ doing: 'listing', bucket, done: seen });
    after = page.isEnd ? undefined : page.last;
    await next;
    if (after === undefined || seen < mostObjects) continue;
    counts.problem = `more than ${mostObjects} objects, not listed to its end`;
    break;
  } while (after !== undefined);
  return { received, missing };
}

/** Of objects without an event, those that have none now; the others are taken out of the counts. */
export async function lookAgain(
  options: AuditOptions,
  objects: readonly MissingImage[],
  buckets: ReadonlyMap<string, BucketAudit>,
): Promise<MissingImage[]> {
  const still: MissingImage[] = [];
  for (const [bucket, counts] of buckets) {
    const images = objects.filter((image) => image.bucket === bucket);
    const identified = images.map((image) => ({ ...image, uploadedAtMs: Date.parse(image.uploadedAt) }));
    const known = await receivedAmong(options.warehouse, bucket, identified);
    const missing = images.filter((image) => !known.has(keyOf(image)));
    counts.notReceived -= images.length - missing.length;
    still.push(...missing);
  }
  return still;
}

interface Identified {
  object: string;
  generation: string;
  uploadedAtMs: number;
}

const keyOf = ({ object, generation }: Pick<Identified, 'object' | 'generation'>): string => `${generation} ${object}`;
const byName = (a: Identified, b: Identified): number => Buffer.compare(Buffer.from(a.object), Buffer.from(b.object));

function isInTime(resource: unknown, { fromMs, toMs }: AuditOptions): boolean {
  const created = Date.parse(String((resource as { timeCreated?: unknown } | null)?.timeCreated));
  return created >= fromMs && created < toMs;
}

/** What intake takes an event of; what it does not is counted, and may have one of other times. */
function sortOut(
  { config, route, now }: AuditOptions,
  resources: readonly unknown[],
  counts: BucketAudit,
): { wanted: FinalizedObject[]; others: Identified[] } {
  const nowMs = now();
  // As at the upload: a deadline that is past by now was not past when the event should have come.
  const admit = createObjectAdmission(config, route);
  const wanted: FinalizedObject[] = [];
  const others: Identified[] = [];
  for (const resource of resources) {
    const reading = readStorageObject(resource, 'object', nowMs);
    const outcome =
      reading.kind === 'object'
        ? admit(reading.object, { nowMs: reading.object.uploadedAtMs }).outcome
        : outcomeOf(reading);
    if (reading.kind === 'object' && outcome === 'accepted') {
      wanted.push(reading.object);
      continue;
    }
    counts.notTaken[outcome] = (counts.notTaken[outcome] ?? 0) + 1;
    if (reading.kind === 'object') others.push(reading.object);
  }
  return { wanted, others };
}

function outcomeOf(reading: { kind: 'ignored'; outcome: string } | { kind: 'refused' }): string {
  return reading.kind === 'ignored' ? reading.outcome : 'refused';
}

function notReceived({ bucket, object, generation, uploadedAtMs }: FinalizedObject): MissingImage {
  const uploadedAt = new Date(uploadedAtMs).toISOString();
  return { kind: 'not-received', bucket, object, generation, model: null, uploadedAt };
}
