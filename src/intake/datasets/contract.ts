import { z } from 'zod';

/** What requests and answers of the API of datasets are made of. Answers only gain fields. */

/** Most bytes of a body. */
export const BODY_BYTES = 65_536;
/** Longest that a sender may have its answer wait for the end of a run; seconds. */
const MOST_WAIT_S = 50;
const MOST_LISTED = 100;

const time = 'an ISO 8601 time, like 2026-01-31T12:00:00Z or 2026-01-31, from 1970 to 2199';
const from = `${time}, or a whole number as text where the source counts by one`;
const FIRST_MS = 0;
const LAST_MS = Date.UTC(2200, 0, 1) - 1;

const timeSchema = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], time)
  .refine((text) => Date.parse(text) >= FIRST_MS && Date.parse(text) <= LAST_MS, time);
const cursorSchema = z.union([timeSchema, z.string().regex(/^-?\d{1,18}$/)], from);

const startFields = {
  logicalDate: timeSchema.optional().describe('The moment that the run is for. Default: when it starts.'),
  since: cursorSchema
    .optional()
    .describe('Where an incremental source begins. Default: where the last published run ended.'),
  until: cursorSchema.optional().describe('Where an incremental source ends. Default: the logical date.'),
  full: z.boolean('true or false').default(false).describe('All inputs, also those that an earlier run took.'),
};

/** Body of `POST /v1/datasets/<name>/runs`; none is as good as an empty one. */
export const startBody = z.strictObject(startFields, {
  error: ({ code, keys }) =>
    code === 'unrecognized_keys'
      ? `${keys.slice(0, 5).join(', ')} is not known; known are ${Object.keys(startFields).join(', ')}`
      : 'a JSON object, or nothing',
});
export const startHeaders = z.object({
  'Idempotency-Key': z
    .string()
    .regex(/^[\x20-\x7e]{1,255}$/, '1 to 255 printable characters of ASCII')
    .optional()
    .describe('There is one run of the dataset for each key, however often it is asked for.'),
});

export const datasetPath = z.object({ name: z.string() });
export const runPath = z.object({ id: z.string().describe('The workflow id. Slashes may be as they are, or as %2F.') });

/** A whole number of a query: digits alone, so that nothing else reads as one. */
function count(least: number, most: number, fallback: number) {
  const right = `a whole number from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,6}$/, right)
    .refine((digits) => Number(digits) >= least && Number(digits) <= most, right)
    .default(String(fallback))
    .transform(Number);
}
export const runQuery = z.strictObject({
  waitSeconds: count(0, MOST_WAIT_S, 0).describe('The answer comes when the run has ended, or after so long.'),
});
export const runsQuery = z.strictObject({ limit: count(1, MOST_LISTED, 20) });
export const datasetsQuery = z.strictObject({
  limit: count(1, MOST_LISTED, MOST_LISTED),
  after: z.string().max(100).optional().describe('The `next` of the page before.'),
});

const at = z.iso.datetime();
const rows = z.int().min(0);
const countsAnswer = z.object({ read: rows, loaded: rows, quarantined: rows, duplicates: rows });
const statusAnswer = z.enum(['running', 'published', 'unchanged', 'failed', 'cancelled', 'terminated']);
const run = z.string().describe('Path of its state.');

export const startedAnswer = z.object({
  workflowId: z.string(),
  run,
  isNew: z.boolean().describe('False: the key was used before, for the same.'),
});
export const startedHeaders = z.object({ Location: run });
export const runAnswer = z.object({
  workflowId: z.string(),
  run,
  dataset: z.string(),
  status: statusAnswer,
  step: z
    .enum(['waiting', 'planning', 'staging', 'checking', 'loading', 'publishing', 'done'])
    .nullable()
    .describe('Null while nobody can say.'),
  counts: countsAnswer.nullable().describe('Rows so far, or in all; null while nobody can say.'),
  failure: z.string().nullable(),
  startedAt: at,
  endedAt: at.nullable(),
  warnings: z.array(z.string()),
});
export const runsAnswer = z.object({
  runs: z.array(z.object({ ...runAnswer.shape, trigger: z.string(), logicalDate: at })),
});
export const datasetsAnswer = z.object({
  datasets: z.array(
    z.object({
      name: z.string(),
      description: z.string().nullable(),
      lastRun: z
        .object({ workflowId: z.string(), run, status: statusAnswer, startedAt: at, endedAt: at.nullable() })
        .nullable()
        .describe('Of the last 100 days.'),
      freshAt: at.nullable().describe('When the last run ended that was published or found nothing new.'),
      freshnessSeconds: z.number().min(0).nullable().describe('How long ago that is.'),
    }),
  ),
  next: z.string().nullable().describe('There are more: ask with it as `after`.'),
});
export const errorAnswer = z.object({
  error: z.string().describe('A code for programs.'),
  message: z.string().describe('A sentence for people.'),
  workflowId: z.string().optional(),
  image: z.string().optional(),
});

export type StartedAnswer = z.infer<typeof startedAnswer>;
export type RunAnswer = z.infer<typeof runAnswer>;
export type RunsAnswer = z.infer<typeof runsAnswer>;
export type DatasetsAnswer = z.infer<typeof datasetsAnswer>;
