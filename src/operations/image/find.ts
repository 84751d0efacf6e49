import { modelName } from '../../domain/index.js';
import { openRouting } from '../../routing/index.js';
import type { Logger } from '../../telemetry/index.js';
import type { ObjectName } from '../../warehouse/index.js';
import type { Config } from '../../config/index.js';
import { bounded } from '../questions.js';
import type { ImageAnswer, ImageReport, InBucket } from './answer.js';
import { timingsOf } from './answer.js';
import { askBucket, askPlaces, askRefused, askStored, askWork, MOST_ROWS, type Stored } from './ask.js';
import { runLink } from '../runLink.js';
import { decide, expectedSeconds, type ImageFacts, type Surroundings } from './decide.js';
import { heldSentence } from './held.js';
import { neverReceived } from './neverReceived.js';

/** Bounds on the questions to a server, milliseconds. Those to Temporal are several, one after the other. */
const TIMEOUT_MS = 8_000;
const TEMPORAL_TIMEOUT_MS = 20_000;

export interface WhereOptions {
  config: Config;
  /** Address of the Temporal UI, for links; without one there are none. */
  temporalUi: string | undefined;
  log: Logger;
}

/** Asks every server about an image; what is away is said in the report. Temporal is that of the environment. */
export async function whereIs(name: ObjectName, { config, temporalUi, log }: WhereOptions): Promise<ImageReport> {
  const [stored, bucket] = await Promise.all([
    bounded(TIMEOUT_MS, () => askStored(config, log, name)),
    bounded(TIMEOUT_MS, () => askBucket(config, name)),
  ]);
  const inBucket: InBucket = bucket.answer?.bucket ?? { state: 'unknown', problem: bucket.health.problem ?? '' };
  const found = imagesOf(name, stored.answer);
  const listed = found.slice(0, MOST_ROWS);
  const uploads = listed.flatMap(({ upload }) => (upload === null ? [] : [upload]));
  const places = uploads.length > 0 ? await bounded(TIMEOUT_MS, () => askPlaces(config, log, uploads)) : undefined;
  const facts = listed.map((image) => ({
    ...image,
    record: (image.upload && places?.answer?.records[uploads.indexOf(image.upload)]) ?? null,
  }));
  const work = listed.length > 0 ? await bounded(TEMPORAL_TIMEOUT_MS, () => askWork(facts)) : undefined;
  const around: Surroundings = {
    nowMs: Date.now(),
    imagesPerSecond: stored.answer?.imagesPerSecond ?? null,
    openBatches: work?.answer?.openBatches ?? null,
    capacity: work?.answer?.capacity ?? null,
    resultsWaiting: places?.answer?.resultsWaiting ?? null,
    held: heldSentence(work?.answer?.breakers ?? null),
  };
  const link = runLink(temporalUi, work?.answer?.namespace ?? 'default');
  const problems = { clickhouse: stored, bucket, kafka: places, temporal: work };
  return {
    checkedAt: new Date(around.nowMs).toISOString(),
    image: `gs://${name.bucket}/${name.object}`,
    generation: name.generation ?? null,
    bucket: inBucket,
    images: facts.map((image, index) =>
      answerOf({ ...image, batch: work?.answer?.batches[index] ?? null }, around, inBucket, link),
    ),
    truncated: found.length > MOST_ROWS,
    neverReceived: stored.answer !== null && isMissing(found) ? await whyNot() : null,
    notAsked: Object.fromEntries(
      Object.entries(problems).flatMap(([server, asked]) =>
        asked === undefined || asked.answer !== null ? [] : [[server, asked.health.problem ?? 'no answer']],
      ),
    ),
  };

  /** What was asked for: one generation, else that in the bucket, else any. */
  function isMissing(images: readonly Pick<ImageFacts, 'image'>[]): boolean {
    if (images.length === 0) return true;
    if (name.generation !== undefined || inBucket.state !== 'exists') return false;
    return !images.some(({ image }) => image.generation === inBucket.generation);
  }

  async function whyNot(): Promise<ImageReport['neverReceived']> {
    const routing = await openRouting(config, log);
    const refused = await bounded(TIMEOUT_MS, () => askRefused(config, log, name, inBucket));
    const why = neverReceived({
      ...{ name, bucket: inBucket, resource: bucket.answer?.resource, refused: refused.answer },
      ...{ config, route: routing.route, nowMs: Date.now() },
    });
    routing.close();
    return why;
  }
}

/** One for each generation and name of a model, from events and results; newest generation first. */
function imagesOf({ bucket, object }: ObjectName, stored: Stored | null): Omit<ImageFacts, 'batch' | 'record'>[] {
  const images = new Map<string, Omit<ImageFacts, 'batch' | 'record'>>();
  const { uploads = [], results = [] } = stored ?? {};
  for (const upload of uploads) {
    const image = { bucket, object, generation: upload.generation };
    images.set(`${upload.generation} ${upload.model}`, { image, upload, results: [] });
  }
  for (const result of results) {
    const key = `${result.generation} ${modelName(result.model)}`;
    const {
      image,
      upload,
      results: others,
    } = images.get(key) ?? {
      image: { bucket, object, generation: result.generation },
      upload: null,
      results: [],
    };
    images.set(key, { image, upload, results: [...others, result] });
  }
  return [...images.values()].sort((a, b) => Number(BigInt(b.image.generation) - BigInt(a.image.generation)));
}

function answerOf(
  facts: ImageFacts,
  around: Surroundings,
  bucket: InBucket,
  link: (workflowId: string, runId: string) => string | null,
): ImageAnswer {
  const { image, upload, results, record, batch } = facts;
  const [latest] = results;
  const verdict = decide(facts, around);
  const isSettled = verdict.state === 'detected' || verdict.state === 'dead';
  const found = batch?.found;
  const id = found ?? (latest && isSettled ? { workflowId: latest.workflow_id, runId: latest.run_id } : undefined);
  const tried = batch?.image?.state === 'pending' ? batch.image : undefined;
  const { pending } = found ?? { pending: null };
  return {
    generation: image.generation,
    model: isSettled && latest ? latest.model : (upload?.model ?? latest?.model ?? ''),
    ...verdict,
    current: bucket.state === 'unknown' ? null : bucket.state === 'exists' && bucket.generation === image.generation,
    timings: timingsOf(upload, isSettled ? latest : undefined),
    event: upload && {
      id: upload.event_id,
      sourceId: upload.source_id === '' ? null : upload.source_id,
      lane: upload.lane,
      topic: upload.topic,
      partition: upload.partition,
      offset: upload.record_offset,
      waiting:
        record?.place === 'waiting'
          ? {
              aheadInPartition: record.aheadInPartition,
              aheadInLane: record.aheadInLane,
              expectedSeconds: expectedSeconds(record, around.imagesPerSecond),
            }
          : null,
    },
    batch: id
      ? {
          workflowId: id.workflowId,
          runId: id.runId,
          status: found?.status ?? null,
          link: link(id.workflowId, id.runId),
          attempts: tried?.attempts ?? (isSettled ? (latest?.attempts ?? null) : null),
          lastFailure: tried?.failure ? `${tried.failure.reason}: ${tried.failure.detail}` : null,
          pending: pending && {
            state: pending.state,
            attempt: pending.attempt,
            since: pending.since?.toISOString() ?? null,
            worker: pending.worker,
          },
        }
      : null,
    results: [...results],
  };
}
