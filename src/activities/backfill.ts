import {
  createObjectAdmission,
  readStorageObject,
  type AddressedRecord,
  type FinalizedObject,
} from '../admission/index.js';
import type { Config } from '../config/index.js';
import {
  describeBreaker,
  HELD_LANE,
  imageKey,
  isFinalReason,
  NOTHING_COUNTED,
  sourceKey,
  type BackfillCounts,
  type BackfillPageInput,
  type BackfillPageOutcome,
  type BreakerState,
} from '../domain/index.js';
import type { Router } from '../routing/index.js';
import type { ObjectLister } from '../storage/index.js';
import { readLaneBacklog, StreamUnavailableError, type StreamProducer } from '../stream/index.js';
import type { Logger } from '../telemetry/index.js';
import { readOutcomes, WarehouseError, type Warehouse } from '../warehouse/index.js';

export interface BackfillDependencies {
  config: Config;
  log: Logger;
  warehouse: Warehouse;
  producer: StreamProducer;
  lister: ObjectLister;
  route: Router;
  /** Which circuit breakers are open. */
  breakers: () => Promise<BreakerState>;
  /** Events of a lane that wait. Default: the broker is asked. */
  laneBacklog?: (lane: string) => Promise<number>;
}

/** The metadata of a page may be megabytes: so many are held at once, whatever the number of backfills. */
const PAGES_AT_ONCE = 2;
/** A bucket that does not exist may be one that was just made; then it is there within seconds. */
const MISSING_BUCKET_MS = 60_000;
/** Longer than any weekend: rights and servers come back. */
const PATIENCE_MS = 7 * 86_400_000;

/** An image of the page that is to go somewhere. */
interface Candidate {
  object: FinalizedObject;
  image: string;
  /** Undefined for one that is dead before any work: what it has for record is its result. */
  lane: string | undefined;
  model: string;
  record: AddressedRecord;
}

/**
 * Makes the activity that does one page of a backfill: list, admit as intake does, compare with what is stored, enqueue.
 * What only the page as a whole can say (a lane is full, a server is away) comes back before anything is enqueued.
 */
export function createBackfillPage(
  dependencies: BackfillDependencies,
): (input: BackfillPageInput) => Promise<BackfillPageOutcome> {
  let pages = 0;
  return async (input) => {
    if (pages >= PAGES_AT_ONCE) return { kind: 'full', what: 'other backfills are at work' };
    pages += 1;
    try {
      return await backfillPage(dependencies, input);
    } catch (error) {
      const server = serverOf(error);
      if (server === undefined) throw error;
      const { message } = error as Error;
      return { kind: 'waiting', what: `${server}: ${message.slice(0, 300)}`, patienceMs: PATIENCE_MS };
    } finally {
      pages -= 1;
    }
  };
}

async function backfillPage(
  dependencies: BackfillDependencies,
  input: BackfillPageInput,
): Promise<BackfillPageOutcome> {
  const { config, log, lister, producer } = dependencies;
  const { bucket, prefix, after, lane, dryRun } = input;
  const { PENSTOCK_BUCKETS: buckets } = config;
  if (buckets.length > 0 && !buckets.includes(bucket)) {
    return { kind: 'impossible', what: `gs://${bucket} is not in PENSTOCK_BUCKETS: ${buckets.join(', ')}` };
  }
  if (lane !== undefined && !config.PENSTOCK_LANES.includes(lane)) {
    return {
      kind: 'impossible',
      what: `there is no lane '${lane}': PENSTOCK_LANES has ${config.PENSTOCK_LANES.join(', ')}`,
    };
  }
  const early = await fullLane(dependencies, input, input.fullLane === undefined ? [] : [input.fullLane]);
  if (early) return early;

  const listed = await lister.list({ bucket, prefix, after, limit: input.objects });
  if (listed.kind !== 'page') return notListed(bucket, listed);
  const counts: BackfillCounts = { ...NOTHING_COUNTED, listed: listed.resources.length };
  const candidates = admit(dependencies, input, listed.resources, counts);
  const wanted = input.missing ? await withoutOutcome(dependencies, candidates, counts) : candidates;

  const full = await fullLane(dependencies, input, new Set(wanted.flatMap((one) => one.lane ?? [])));
  if (full) return full;
  const held = await heldBack(dependencies, input, wanted);
  if (held) return held;
  counts.enqueued = wanted.filter((one) => one.lane !== undefined).length;
  counts.hopeless = wanted.length - counts.enqueued;
  if (!dryRun) {
    for (const [topic, records] of byTopic(wanted)) await producer.send(topic, records);
  }
  log.info({ bucket, prefix, last: listed.last, dryRun, ...counts }, 'page backfilled');
  return {
    kind: 'page',
    counts,
    isEnd: listed.isEnd,
    ...(listed.last === undefined ? {} : { last: listed.last }),
  };
}

/** Counts what is not wanted; the rest goes where its route, or the backfill itself, says. */
function admit(
  { config, route, log }: BackfillDependencies,
  { bucket, sinceMs = 0, sourceId, lane, model }: BackfillPageInput,
  resources: readonly unknown[],
  counts: BackfillCounts,
): Candidate[] {
  const nowMs = Date.now();
  const admitObject = createObjectAdmission(config, (object) => {
    const to = route(object);
    return to && { lane: lane ?? to.lane, model: model ?? to.model };
  });
  return resources.flatMap((resource): Candidate[] => {
    const reading = readStorageObject(resource, 'object', nowMs);
    if (reading.kind === 'ignored') counts.notImage += 1;
    else if (reading.kind === 'refused') {
      counts.refused += 1;
      log.warn({ bucket, detail: reading.detail }, 'object refused');
    } else if (reading.object.uploadedAtMs < sinceMs) counts.older += 1;
    else {
      const admission = admitObject(reading.object, { sourceId, nowMs, isAskedFor: true });
      if (admission.outcome === 'accepted') return [{ object: reading.object, ...admission }];
      if (admission.outcome === 'refused') return [{ object: reading.object, ...admission, lane: undefined }];
      if (admission.outcome === 'unrouted') counts.unrouted += 1;
      if (admission.outcome === 'out_of_retention') counts.outOfRetention += 1;
    }
    return [];
  });
}

/** Leaves out what its model has detected, and what is dead for a reason that another try does not change. */
async function withoutOutcome(
  { warehouse }: BackfillDependencies,
  candidates: readonly Candidate[],
  counts: BackfillCounts,
): Promise<Candidate[]> {
  const models = [...new Set(candidates.map(({ model }) => model))];
  const stored = await readOutcomes(
    warehouse,
    candidates.map(({ object }) => object),
    models,
  );
  return candidates.filter(({ model, object }) => {
    const outcome = stored.get(model)?.get(imageKey(object));
    if (outcome?.isDetected) counts.detected += 1;
    else if (outcome && isFinalReason(outcome.deadReason)) counts.dead += 1;
    else return true;
    return false;
  });
}

/** The first of the lanes in which enough images wait. */
async function fullLane(
  { config, log, laneBacklog = (lane) => readLaneBacklog(config, log, lane) }: BackfillDependencies,
  { ahead, dryRun }: BackfillPageInput,
  lanes: Iterable<string>,
): Promise<BackfillPageOutcome | undefined> {
  if (dryRun) return undefined;
  for (const lane of lanes) {
    const backlog = await laneBacklog(lane).catch((error: unknown) => {
      throw new StreamUnavailableError(error instanceof Error ? error.message : String(error), { cause: error });
    });
    if (backlog >= ahead) return { kind: 'full', lane, what: `${backlog} images wait in the lane ${lane}` };
  }
  return undefined;
}

/**
 * What goes to a source whose circuit breaker is open leaves its lane at once, and all of it comes back before later
 * uploads: so no more of it may wait there than in the lane. Some must, for the breaker to probe.
 */
async function heldBack(
  dependencies: BackfillDependencies,
  input: BackfillPageInput,
  wanted: readonly Candidate[],
): Promise<BackfillPageOutcome | undefined> {
  if (input.dryRun) return undefined;
  // Where nobody can say, none is: what is held too much is not lost.
  const { open } = await dependencies.breakers().catch((): BreakerState => ({ open: [] }));
  const sources = new Set(
    wanted.flatMap(({ lane, model }) => (lane === undefined ? [] : [sourceKey({ bucket: input.bucket, model })])),
  );
  const breaker = open.find((one) => sources.has(sourceKey(one)));
  if (breaker === undefined || (await fullLane(dependencies, input, [HELD_LANE])) === undefined) return undefined;
  return { kind: 'waiting', what: describeBreaker(breaker), patienceMs: PATIENCE_MS };
}

function notListed(
  bucket: string,
  { kind, detail }: Exclude<Awaited<ReturnType<ObjectLister['list']>>, { kind: 'page' }>,
): BackfillPageOutcome {
  switch (kind) {
    case 'missing':
      return { kind: 'waiting', what: `there is no bucket gs://${bucket}`, patienceMs: MISSING_BUCKET_MS };
    case 'forbidden':
      return { kind: 'waiting', what: `gs://${bucket} may not be listed: ${detail}`, patienceMs: PATIENCE_MS };
    case 'timeout':
    case 'failed':
      return { kind: 'waiting', what: `gs://${bucket} can not be listed: ${detail}`, patienceMs: PATIENCE_MS };
  }
}

function byTopic(candidates: readonly Candidate[]): Map<string, AddressedRecord[]> {
  const topics = new Map<string, AddressedRecord[]>();
  for (const { record } of candidates) {
    const records = topics.get(record.topic) ?? [];
    topics.set(record.topic, records);
    records.push(record);
  }
  return topics;
}

/** Which server an error is about; undefined for a defect of ours. */
function serverOf(error: unknown): string | undefined {
  if (error instanceof StreamUnavailableError) return 'Kafka';
  if (error instanceof WarehouseError) return 'ClickHouse';
  return undefined;
}
