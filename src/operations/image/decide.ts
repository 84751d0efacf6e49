import type { BatchAtWork } from '../../client/index.js';
import {
  HELD_LANE,
  IMAGE_REASONS,
  imageEventsTopic,
  isImageReason,
  type CapacityState,
  type ImageInBatch,
  type ImageRef,
  type Source,
} from '../../domain/index.js';
import type { RecordPlace } from '../../stream/index.js';
import type { ResultRow, UploadRow } from '../../warehouse/index.js';
import { duration, expectedWait } from '../forecast.js';
import type { ImageState } from './answer.js';
import { quoted } from './name.js';

/** What is known of an image under one model. */
export interface ImageFacts {
  image: ImageRef;
  /** Null for results from before uploads were kept. */
  upload: UploadRow | null;
  /** Under each version of the model: the detection that `images` shows, if it shows one, then the latest first. */
  results: readonly ResultRow[];
  /** Where the event's record is in Kafka; null where Kafka could not be asked. */
  record: RecordFacts | null;
  /** The batch of that record, or the batch of the last result; null where Temporal could not be asked. */
  batch: { found: BatchAtWork | undefined; image: ImageInBatch | null } | null;
}

export interface RecordFacts {
  place: RecordPlace;
  aheadInPartition: number;
  aheadInLane: number | null;
  /** Processes that read the lane. */
  readers: number;
}

/** What is known of the stack. */
export interface Surroundings {
  nowMs: number;
  /** Images a second that were stored in the last minutes; null where ClickHouse could not be asked. */
  imagesPerSecond: number | null;
  /** Open batches by lane; null where Temporal could not be asked. */
  openBatches: Readonly<Record<string, number>> | null;
  /** Places in the window, pause and budget; null where they could not be asked. */
  capacity: Pick<CapacityState, 'window' | 'paused' | 'budget'> | null;
  /** Results in Kafka that the sink has not stored; null where Kafka could not be asked. */
  resultsWaiting: number | null;
  /** Why events are held. */
  held: (source: Source) => string;
}

export interface Verdict {
  state: ImageState;
  sentence: string;
  advice: string | null;
}

/** The sink is behind by seconds; a row that is not there so long after the end of its batch does not come. */
const STORED_WITHIN_MS = 60_000;

/**
 * Where an image is. A detection stays one, whatever comes later; a death counts until its event comes again or its
 * batch is run again.
 */
export function decide(facts: ImageFacts, around: Surroundings): Verdict {
  const { upload, results, batch } = facts;
  const [latest] = results;
  if (latest === undefined) return onItsWay(facts, around);
  if (latest.status === 'detected') return detected(latest);
  if (cameAfter(upload, latest)) return onItsWay(facts, around);
  const found = batch?.found;
  if (found?.status === 'RUNNING' && batch?.image?.state === 'pending') return running(facts, found);
  return dead(facts, latest);
}

/** The event came (again) after the one that the result is of. */
export function cameAfter(upload: UploadRow | null, result: ResultRow | undefined): upload is UploadRow {
  if (upload === null) return false;
  return result === undefined || Date.parse(upload.received_at) > Date.parse(result.received_at);
}

function detected({ boxes, width, height }: ResultRow): Verdict {
  const found = boxes.length === 1 ? '1 box' : `${boxes.length} boxes`;
  return { state: 'detected', sentence: `${found} in ${width} × ${height} pixels`, advice: null };
}

function dead({ image }: ImageFacts, { reason, detail, workflow_id }: ResultRow): Verdict {
  const known = isImageReason(reason) ? IMAGE_REASONS[reason] : undefined;
  const again = known?.operatorMayRetry ? ` Then: ${backfillOf(image)}` : '';
  return {
    state: 'dead',
    sentence: `${reason}${detail === '' ? '' : `: ${detail}`} (${workflow_id === '' ? 'no batch had it' : `batch ${workflow_id}`})`,
    advice: known === undefined ? null : `${known.meaning}${again}`,
  };
}

function onItsWay(facts: ImageFacts, around: Surroundings): Verdict {
  const { upload, record, batch, image } = facts;
  if (upload === null) return { state: 'unknown', sentence: 'nothing is known of it', advice: null };
  const isHeld = upload.topic === imageEventsTopic(HELD_LANE);
  if (record?.place === 'waiting') return isHeld ? held(facts, around) : waiting(facts, upload, record, around);
  if (record?.place === 'gone') {
    const where = `${upload.topic}/${upload.partition} at offset ${upload.record_offset}`;
    return lost(image, `its event is no longer in ${where}, and nobody has read it there`);
  }
  if (isHeld && record !== null) {
    return { state: 'waiting', sentence: `goes back to the lane ${upload.lane}; ask again`, advice: null };
  }
  if (batch?.found?.status === 'RUNNING') return inRunningBatch(facts, batch.found, around);
  if (record === null || batch === null) {
    const away = record === null ? 'Kafka' : 'Temporal';
    const sentence = `received ${upload.received_at}; ${away} could not be asked where it is now`;
    return { state: 'unknown', sentence, advice: 'Ask again once all servers answer.' };
  }
  return behindItsBatch(image, batch.found, around);
}

/** Its event was read, and no batch that runs has it: its row is on the way, or lost. */
function behindItsBatch(image: ImageRef, batch: BatchAtWork | undefined, around: Surroundings): Verdict {
  const { resultsWaiting, nowMs } = around;
  if (batch === undefined) {
    return lost(image, 'its event was read, and Temporal has no batch with it: it ended longer ago than runs are kept');
  }
  const closedMs = batch.closedAt === null ? 0 : nowMs - batch.closedAt.getTime();
  if (closedMs < STORED_WITHIN_MS || resultsWaiting === null || resultsWaiting > 0) {
    const waiting = resultsWaiting === null ? '' : `; ${resultsWaiting} results wait for the sink`;
    return { state: 'storing', sentence: `its batch has ended, its row is stored soon${waiting}`, advice: null };
  }
  return lost(image, `its batch ${batch.workflowId} ended ${batch.status} and no result of it was stored`);
}

function inRunningBatch(facts: ImageFacts, batch: BatchAtWork, around: Surroundings): Verdict {
  const state = facts.batch?.image?.state;
  if (state === 'held') return held(facts, around);
  if (state === 'detected' || state === 'dead') {
    return { state: 'storing', sentence: `${state}, and its row is stored soon`, advice: null };
  }
  return running(facts, batch);
}

function running({ upload, batch }: ImageFacts, { pending, startedAt, workflowId }: BatchAtWork): Verdict {
  const image = batch?.image;
  const tried = image?.state === 'pending' ? ` ${tries(image)}.` : '';
  const since = `in a batch since ${startedAt.toISOString()}`;
  if (pending?.state === 'started') {
    const by = pending.worker === null ? 'A detector' : `The detector ${pending.worker}`;
    const from = pending.since === null ? '' : `, since ${pending.since.toISOString()}`;
    return { state: 'running', sentence: `${since}. ${by} works on it${from}.${tried}`, advice: null };
  }
  if (pending === null) return { state: 'running', sentence: `${since}, between two rounds.${tried}`, advice: null };
  const model = upload?.model ?? '';
  const attempt = pending.lastFailure === null ? '' : ` The try before failed: ${pending.lastFailure}.`;
  return {
    state: 'running',
    sentence: `${since}. It waits for a free slot of a detector of ${model}.${attempt}${tried}`,
    advice: `If it stays so: does a detector of ${model} run? Is its rate what you want? Workflow ${workflowId}`,
  };
}

function tries({ attempts, failure }: { attempts: number; failure?: { reason: string; detail: string } }): string {
  const count = attempts === 1 ? 'One inference of it has failed' : `${attempts} inferences of it have failed`;
  if (attempts === 0) return 'No inference of it has failed';
  return failure === undefined ? count : `${count}, the last with ${failure.reason}: ${failure.detail}`;
}

function waiting(facts: ImageFacts, upload: UploadRow, record: RecordFacts, around: Surroundings): Verdict {
  const { aheadInLane, aheadInPartition, readers } = record;
  const waited = duration(Math.max(0, around.nowMs - Date.parse(upload.received_at)) / 1000);
  const ahead = `${aheadInLane ?? 'an unknown number'} ahead of it in the lane, ${aheadInPartition} in its partition`;
  const due = expected(record, around.imagesPerSecond);
  const sentence = `in lane ${upload.lane} for ${waited}; ${ahead}; expected in ${due}`;
  if (readers === 0) {
    const advice = `Nobody reads the lane ${upload.lane}: start a dispatcher.`;
    return { state: 'waiting', sentence: `${sentence}. No dispatcher reads the lane.`, advice };
  }
  return { state: 'waiting', sentence: `${sentence}. ${whyWaiting(upload.lane, around)}`, advice: null };
}

/** Why no batch is started in a lane that is read: it is stopped, or its places are taken; else it has room. */
function whyWaiting(lane: string, { openBatches, capacity }: Surroundings): string {
  const open = openBatches?.[lane];
  const of = capacity?.window.lanes.find((one) => one.lane === lane);
  if (capacity === null || of === undefined || open === undefined)
    return 'A dispatcher reads the lane; whether it has room could not be asked.';
  const { paused, budget, window } = capacity;
  if (of.stopped !== null && paused !== null)
    return `Dispatch was paused at ${new Date(paused.sinceMs).toISOString()} by ${paused.who}: ${paused.why}.`;
  if (of.stopped !== null && budget.exhausted)
    return `The budget of ${budget.day} is used up; the next day begins at ${new Date(budget.dayEndsAtMs).toISOString()}.`;
  if (of.stopped !== null) return `No batch is started: ${of.stopped}.`;
  if (open < of.leased) return 'A dispatcher reads the lane and has room.';
  const places = `the lane has ${of.leased} of the ${window.places} places of all lanes`;
  return `The window is full: ${open} batches are open, and ${places}.`;
}

/** Seconds until it is its turn, as a text. */
function expected(record: RecordFacts, imagesPerSecond: number | null): string {
  const seconds = expectedSeconds(record, imagesPerSecond);
  return seconds === null ? 'an unknown time' : duration(seconds);
}

/** Null: unknown, no image was stored in the last minutes, or what would know could not be asked. */
export function expectedSeconds(
  { aheadInLane }: Pick<RecordFacts, 'aheadInLane'>,
  imagesPerSecond: number | null,
): number | null {
  // The image itself counts: none ahead of it is no promise while nothing is stored.
  return aheadInLane === null || imagesPerSecond === null ? null : expectedWait(aheadInLane + 1, imagesPerSecond);
}

function held({ image, upload }: ImageFacts, around: Surroundings): Verdict {
  const advice = 'It goes back by itself once a probe succeeds: put the cause right.';
  return { state: 'held', sentence: around.held({ bucket: image.bucket, model: upload?.model ?? '' }), advice };
}

function lost(image: ImageRef, sentence: string): Verdict {
  return { state: 'lost', sentence, advice: `Send it again, which harms nothing: ${backfillOf(image)}` };
}

/** Of the names that begin alike, those that are detected stay out. */
export function backfillOf({ bucket, object }: Pick<ImageRef, 'bucket' | 'object'>): string {
  return `penstock backfill ${quoted(`gs://${bucket}/${object}`)} --missing`;
}
