import { setTimeout as sleep } from 'node:timers/promises';
import {
  batchOf,
  connectTemporal,
  describeBatch,
  imageInBatch,
  openBatches,
  readBreakers,
  readCapacity,
  type BatchAtWork,
  type TemporalClient,
} from '../../client/index.js';
import type { Config } from '../../config/index.js';
import {
  dispatcherGroup,
  IMAGE_RESULTS_TOPIC,
  imageEventsTopic,
  laneOf,
  SINK_GROUP,
  type CapacityState,
  type ImageRef,
  type OpenBreaker,
} from '../../domain/index.js';
import { createObjectLister } from '../../storage/index.js';
import { placeOf, readPositions, recordsBefore } from '../../stream/index.js';
import type { Logger } from '../../telemetry/index.js';
import {
  createWarehouse,
  refusedEventsOf,
  resultsOf,
  storedRate,
  uploadsOf,
  type ObjectName,
  type RefusedEvent,
  type ResultRow,
  type UploadRow,
} from '../../warehouse/index.js';
import type { InBucket } from './answer.js';
import { cameAfter, type ImageFacts, type RecordFacts } from './decide.js';

/** Rows of one object that are looked at; one more tells that there are others. */
export const MOST_ROWS = 50;
/** The rate is that of the last minutes. */
const RATE_MINUTES = 5;
/** How far back refused events are looked for when the bucket does not say when the object came. */
const REFUSED_MS = 7 * 86_400_000;
/** Clocks differ: that of intake may say that an event came before its object. */
const CLOCKS_MS = 300_000;
/** Visibility follows executions within seconds. */
const VISIBLE_MS = 2_000;
/** Most open batches of a lane that are counted. */
const MOST_OPEN = 10_000;
/** Bound on one query of a workflow. */
const QUERY_MS = 3_000;

export interface Stored {
  uploads: UploadRow[];
  results: ResultRow[];
  imagesPerSecond: number;
}

export async function askStored(config: Config, log: Logger, name: ObjectName): Promise<Stored> {
  const warehouse = createWarehouse(config, log);
  const [uploads, results, imagesPerSecond] = await Promise.all([
    uploadsOf(warehouse, name, MOST_ROWS + 1),
    resultsOf(warehouse, name, MOST_ROWS + 1),
    storedRate(warehouse, RATE_MINUTES),
  ]);
  await warehouse.close();
  return { uploads, results, imagesPerSecond };
}

export async function askRefused(
  config: Config,
  log: Logger,
  name: ObjectName,
  bucket: InBucket,
): Promise<RefusedEvent[]> {
  const warehouse = createWarehouse(config, log);
  const since = bucket.state === 'exists' ? Date.parse(bucket.uploadedAt) - CLOCKS_MS : Date.now() - REFUSED_MS;
  const refused = await refusedEventsOf(warehouse, name, new Date(since));
  await warehouse.close();
  return refused;
}

/** The object in its bucket. Of the names that begin with its own it is the first, so a list of one finds it. */
export async function askBucket(
  config: Config,
  { bucket, object }: ObjectName,
): Promise<{ bucket: InBucket; resource: unknown }> {
  const lister = createObjectLister({ endpoint: config.PENSTOCK_GCS_ENDPOINT, projectId: config.PENSTOCK_GCS_PROJECT });
  const page = await lister.list({ bucket, prefix: object, limit: 1 });
  if (page.kind === 'missing') throw new Error(`no bucket ${bucket}`);
  if (page.kind !== 'page') throw new Error(page.detail);
  const [resource] = page.resources;
  const { name, generation, timeCreated, contentType, size } = (resource ?? {}) as Record<string, unknown>;
  if (name !== object) return { bucket: { state: 'absent' }, resource: undefined };
  return {
    resource,
    bucket: {
      state: 'exists',
      generation: String(generation),
      uploadedAt: new Date(String(timeCreated)).toISOString(),
      contentType: typeof contentType === 'string' ? contentType : null,
      sizeBytes: size === undefined ? null : Number(size),
    },
  };
}

export interface Places {
  /** In the order of the uploads. */
  records: RecordFacts[];
  resultsWaiting: number;
}

/** Where the records of events are, for the dispatchers of their lanes. */
export async function askPlaces(config: Config, log: Logger, uploads: readonly UploadRow[]): Promise<Places> {
  const topics = [...new Set(uploads.map(({ topic }) => topic))];
  const readers = topics.map((topic) => ({ topic, group: dispatcherGroup(laneOf(topic) ?? '') }));
  const results = { topic: IMAGE_RESULTS_TOPIC, group: SINK_GROUP };
  const positions = await readPositions(config, log, [...readers, results]);
  const records: RecordFacts[] = [];
  for (const upload of uploads) {
    const position = positions.find(({ topic }) => topic === upload.topic);
    const partition = position?.partitions.get(upload.partition);
    const offset = BigInt(upload.record_offset);
    const place = placeOf(offset, partition);
    const isWaiting = place === 'waiting' && position !== undefined && partition !== undefined;
    records.push({
      place,
      aheadInPartition: isWaiting ? Number(offset - larger(partition.committed, partition.low)) : 0,
      aheadInLane: isWaiting
        ? Number(await recordsBefore(config, log, position, Date.parse(upload.received_at)))
        : null,
      readers: position?.members ?? 0,
    });
  }
  const stored = positions.find(({ topic }) => topic === IMAGE_RESULTS_TOPIC)?.partitions.values() ?? [];
  let waiting = 0n;
  for (const { low, high, committed } of stored) waiting += high - larger(committed, low);
  return { records, resultsWaiting: Number(waiting) };
}

export interface Work {
  /** In the order of the images. */
  batches: ImageFacts['batch'][];
  openBatches: Record<string, number>;
  namespace: string;
  /** Circuit breakers that are open; null where no orchestrator answers for them. */
  breakers: OpenBreaker[] | null;
  /** Places in the window, pause and budget; null where no orchestrator answers. */
  capacity: CapacityState | null;
}

/** What Temporal has of images: their batches, and how many are open in the lanes in which some of them wait. */
export async function askWork(images: readonly Omit<ImageFacts, 'batch'>[]): Promise<Work> {
  const temporal = await connectTemporal();
  try {
    const batches: ImageFacts['batch'][] = [];
    for (const image of images) batches.push(await batchAround(temporal, image));
    const lanes = new Set(
      images.flatMap(({ upload, record }) => (upload && record?.place === 'waiting' ? [upload.lane] : [])),
    );
    const open: Record<string, number> = {};
    for (const lane of lanes)
      open[lane] = (await openBatches(temporal.client, imageEventsTopic(lane), MOST_OPEN)).length;
    const breakers = await readBreakers(temporal.client, QUERY_MS).then(
      ({ open: held }) => held,
      () => null,
    );
    const capacity = await readCapacity(temporal.client, QUERY_MS).catch(() => null);
    return { batches, openBatches: open, namespace: temporal.namespace, breakers, capacity };
  } finally {
    await temporal.connection.close();
  }
}

async function batchAround(
  { client }: TemporalClient,
  { image, upload, results, record }: Omit<ImageFacts, 'batch'>,
): Promise<ImageFacts['batch']> {
  const [latest] = results;
  if (latest?.status === 'detected') return NO_BATCH;
  if (!cameAfter(upload, latest))
    return latest && latest.workflow_id !== ''
      ? withImage(client, await describeBatch(client, { workflowId: latest.workflow_id }), image)
      : NO_BATCH;
  if (record?.place === 'waiting' || record?.place === 'gone') return NO_BATCH;
  const { topic, partition, record_offset, model, received_at } = upload;
  const event = { topic, partition, offset: BigInt(record_offset), model };
  const found =
    (await batchOf(client, event, new Date(received_at))) ??
    (await sleep(VISIBLE_MS).then(() => batchOf(client, event, new Date(received_at))));
  return withImage(client, found, image);
}

async function withImage(
  client: TemporalClient['client'],
  found: BatchAtWork | undefined,
  image: ImageRef,
): Promise<ImageFacts['batch']> {
  if (found?.status !== 'RUNNING') return { found, image: null };
  // No orchestrator may answer: then how often it was tried stays unknown, and the rest is still said.
  const asked = client.withDeadline(Date.now() + QUERY_MS, () => imageInBatch(client, found, image));
  return { found, image: await asked.catch(() => null) };
}

const NO_BATCH = { found: undefined, image: null };

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
