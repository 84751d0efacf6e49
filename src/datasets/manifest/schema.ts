import { z } from 'zod';
import { columnsSchema, enrichmentSchema } from './columns.js';
import { isTimeZone } from './columnType.js';
import { formatSchema } from './format.js';
import { checksSchema, schemaPolicySchema, targetSchema } from './rules.js';
import { sourceSchema } from './source.js';
import { durationSchema, nameSchema, oneOf, secretSchema, text } from './words.js';

/** The only version so far. */
export const MANIFEST_VERSION = 'penstock/v1';

const cron = 'five fields of cron, like */15 * * * *';
const zone = 'a time zone, like Europe/Berlin';
const url = 'an address of http or https';

const schedule = z.strictObject({
  cron: z
    .string(cron)
    .regex(/^\S+(?: \S+){4}$/, cron)
    .optional(),
  every: durationSchema.optional().describe('In place of cron: from one run to the next, counted from 1970-01-01 UTC.'),
  timeZone: z.string(zone).refine(isTimeZone, zone).default('UTC'),
  jitter: durationSchema.optional().describe('Each run begins up to so much later.'),
  overlap: oneOf(['skip', 'buffer', 'cancel']).default('skip').describe('What is due while a run is under way.'),
  catchUp: durationSchema.default('1h').describe('What was due while Temporal was away is made up for so long.'),
  paused: z.boolean('true or false').default(false),
});

/** A manifest: one dataset, from its source to its table. */
export const manifestSchema = z.strictObject(
  {
    version: z.literal(MANIFEST_VERSION, `${MANIFEST_VERSION}, the version of this format`),
    name: nameSchema.describe('Of the dataset, and of its table.'),
    description: text(2_000, 'what the dataset is').optional(),
    owner: text(200, 'who answers for it').optional(),
    source: sourceSchema,
    format: formatSchema,
    columns: columnsSchema,
    enrich: z.array(enrichmentSchema, 'a list of lookups').max(20, 'at most 20 lookups').default([]),
    checks: checksSchema.prefault({}),
    schema: schemaPolicySchema.prefault({}),
    target: targetSchema,
    schedule: schedule.optional().describe('Without one it is run by hand, by the API, or by an upload.'),
    webhook: z
      .strictObject({
        url: z.string(url).refine((value) => /^https?:$/.test(URL.parse(value)?.protocol ?? ''), url),
        secret: secretSchema.describe('The key that its body is signed with.'),
      })
      .optional()
      .describe('Told the end of each run.'),
  },
  'a mapping with version, name, source, format, columns and target',
);

/** One dataset, with its defaults filled in. */
export type Manifest = z.infer<typeof manifestSchema>;
