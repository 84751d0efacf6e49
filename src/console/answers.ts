import { z } from 'zod';

/**
 * What the console's API answers. The page takes its types from here, so nothing but the schema library may be imported.
 * Fields are only added. Times are ISO 8601.
 */

const count = z.int().min(0);
const health = z.object({
  healthy: z.boolean(),
  waits: z.record(z.string(), z.string()),
  problem: z.string().nullable(),
});
const rate = z.number().nullable();

/** As `penstock status --json`: what the page shows of it. */
export const statusAnswer = z.object({
  checkedAt: z.string(),
  healthy: z.boolean(),
  backlog: z
    .array(
      z.object({ topic: z.string(), group: z.string(), lane: z.string().nullable(), records: count, missing: count }),
    )
    .nullable(),
  batches: z
    .object({
      open: count,
      images: count,
      failedLastDay: count,
      breakers: z
        .array(z.object({ bucket: z.string(), model: z.string(), reason: z.string(), detail: z.string() }))
        .nullable(),
    })
    .nullable(),
  capacity: z
    .object({
      models: z.array(
        z.object({
          model: z.string(),
          cap: rate,
          leased: rate,
          holders: z.array(z.object({ standby: z.boolean() })),
        }),
      ),
      paused: z.object({ who: z.string(), why: z.string() }).nullable(),
      budget: z.object({ used: z.number(), left: z.number().nullable(), exhausted: z.boolean(), currency: z.string() }),
    })
    .nullable(),
  audit: z.object({ missing: count, checkedAt: z.string() }).nullable(),
  forecast: z
    .object({
      imagesPerSecond: z.number(),
      arrivingPerSecond: z.number(),
      backlog: z.number(),
      clearsInSeconds: z.number().nullable(),
      clearsAt: z.string().nullable(),
      growsPerHour: z.number().nullable(),
      cost: z.number().nullable(),
      budgetStopsOn: z.string().nullable(),
    })
    .nullable(),
  rate: z.object({ storedLastMinute: count, imagesPerSecond: z.number() }).nullable(),
  expectedWaitSeconds: z.number().nullable(),
  deadImages: z.record(z.string(), count).nullable(),
  deadLetters: z.record(z.string(), count).nullable(),
  roles: z.record(z.string(), health).nullable(),
  servers: z.record(z.string(), health),
});
export type Status = z.infer<typeof statusAnswer>;

export const sampleAnswer = z.object({
  at: z.string(),
  /** Images that wait in the lanes; null where Kafka did not say. */
  backlog: count.nullable(),
  /** Images a second. */
  arriving: rate,
  detected: rate,
  cap: rate,
  waitSeconds: rate,
});
export type Sample = z.infer<typeof sampleAnswer>;

export const flowAnswer = z.object({ status: statusAnswer, samples: z.array(sampleAnswer) });
export type Flow = z.infer<typeof flowAnswer>;

export const personAnswer = z.object({
  /** Null where nobody is logged in. */
  person: z.object({ name: z.string(), role: z.enum(['viewer', 'operator']), by: z.string() }).nullable(),
  login: z.enum(['token', 'proxy', 'none']),
  /** Null where nobody is logged in, like the address. */
  version: z.string().nullable(),
  temporalUi: z.string().nullable(),
});
export type Who = z.infer<typeof personAnswer>;

export const batchAnswer = z.object({
  workflowId: z.string(),
  runId: z.string(),
  status: z.string(),
  closedAt: z.string().nullable(),
  model: z.string(),
  images: count,
  /** Dead images by reason code; null where the run did not come to tell them. */
  dead: z.record(z.string(), count).nullable(),
  /** Why it could not be read. */
  problem: z.string().nullable(),
  /** Into the Temporal UI. */
  link: z.string().nullable(),
});
export type FailedBatch = z.infer<typeof batchAnswer>;

export const batchesAnswer = z.object({ batches: z.array(batchAnswer), more: z.boolean() });
export type Batches = z.infer<typeof batchesAnswer>;

export const retryAnswer = z.object({
  batches: z.array(
    z.object({
      workflowId: z.string(),
      outcome: z.enum(['started', 'skipped', 'error']),
      problem: z.string().nullable(),
    }),
  ),
});
export type RetryOutcomes = z.infer<typeof retryAnswer>;

export const letterAnswer = z.object({
  id: z.string(),
  kind: z.string(),
  source: z.string(),
  reason: z.string(),
  detail: z.string(),
  origin: z.string(),
  received_at: z.string(),
  stored_at: z.string(),
  state: z.enum(['open', 'replayed', 'discarded']),
});
export type Letter = z.infer<typeof letterAnswer>;

export const lettersAnswer = z.object({ letters: z.array(letterAnswer), next: z.string().nullable() });
export type Letters = z.infer<typeof lettersAnswer>;

export const wholeLetterAnswer = z.object({
  letter: letterAnswer.extend({
    payload: z.string(),
    payload_encoding: z.string(),
    payload_truncated: z.boolean(),
    record_key: z.string().nullable(),
    headers: z.record(z.string(), z.string()),
  }),
  decisions: z.array(z.object({ decision: z.string(), decided_at: z.string(), who: z.string(), why: z.string() })),
});
export type WholeLetter = z.infer<typeof wholeLetterAnswer>;

export const decisionAnswer = z.object({
  counts: z.record(z.string(), count),
  letters: z.array(
    z.object({ id: z.string(), outcome: z.string(), to: z.array(z.string()), why: z.string().nullable() }),
  ),
});
export type Decision = z.infer<typeof decisionAnswer>;

const box = z.tuple([z.string(), z.number(), z.number(), z.number(), z.number(), z.number()]);
const result = z.object({
  generation: z.string(),
  model: z.string(),
  status: z.enum(['detected', 'dead']),
  reason: z.string(),
  detail: z.string(),
  width: z.number(),
  height: z.number(),
  /** Class, score, x_min, y_min, x_max, y_max; pixels after EXIF orientation. */
  boxes: z.array(box),
  detected_at: z.string(),
  attempts: z.number(),
});

/** As `penstock image --json`: what the page shows of it. */
export const imageAnswer = z.object({
  image: z.string(),
  bucket: z.union([
    z.object({
      state: z.literal('exists'),
      generation: z.string(),
      uploadedAt: z.string(),
      contentType: z.string().nullable(),
      sizeBytes: z.number().nullable(),
    }),
    z.object({ state: z.literal('absent') }),
    z.object({ state: z.literal('unknown'), problem: z.string() }),
  ]),
  images: z.array(
    z.object({
      generation: z.string(),
      model: z.string(),
      state: z.string(),
      current: z.boolean().nullable(),
      sentence: z.string(),
      advice: z.string().nullable(),
      timings: z.object({
        uploadedAt: z.string(),
        receivedAt: z.string(),
        detectedAt: z.string().nullable(),
        storedAt: z.string().nullable(),
        deadlineAt: z.string().nullable(),
        uploadToReceivedSeconds: z.number(),
        receivedToDetectedSeconds: z.number().nullable(),
        detectedToStoredSeconds: z.number().nullable(),
        uploadToStoredSeconds: z.number().nullable(),
      }),
      event: z
        .object({ id: z.string(), lane: z.string(), topic: z.string(), partition: z.number(), offset: z.string() })
        .nullable(),
      batch: z
        .object({
          workflowId: z.string(),
          runId: z.string(),
          status: z.string().nullable(),
          link: z.string().nullable(),
          attempts: z.number().nullable(),
          lastFailure: z.string().nullable(),
        })
        .nullable(),
      results: z.array(result),
    }),
  ),
  truncated: z.boolean(),
  neverReceived: z.object({ sentence: z.string(), advice: z.string().nullable() }).nullable(),
  notAsked: z.record(z.string(), z.string()),
});
export type Image = z.infer<typeof imageAnswer>;

export const recentAnswer = z.object({
  images: z.array(
    z.object({
      bucket: z.string(),
      object: z.string(),
      generation: z.string(),
      model: z.string(),
      status: z.enum(['detected', 'dead']),
      reason: z.string(),
      boxes: count,
      stored_at: z.string(),
    }),
  ),
});
export type Recent = z.infer<typeof recentAnswer>;

export const errorAnswer = z.object({ error: z.string() });
