import { z } from 'zod';
import { BUCKET_NAME, LANE_NAME, MODEL_NAME } from '../domain/index.js';

/** Most routes in a file; see MAX_FILE_BYTES. */
export const MAX_ROUTES = 2_000;
/** Longest name of an object, in bytes of UTF-8. */
const MAX_PREFIX_BYTES = 1_024;

const MODEL = new RegExp(MODEL_NAME.source.replace(/\$$/, '(@[0-9a-f]{12})?$'));
const DURATION = /^[1-9]\d{0,6}[smhd]$/;

// Each message says what would be right, as the end of a sentence.
const bucket = 'the name of a bucket, like my-uploads';
const prefix = `the beginning of object names, at most ${MAX_PREFIX_BYTES} bytes, like cameras/`;
const model = 'the name of a model, or name@hash with its 12 hex digits, like shapes or shapes@b837ae85758e';
const lane = 'the name of a lane';
const deadline = 'a whole number with s, m, h or d, like 90s, 15m, 1h or 2d';
const ignore = 'true, or leave it out';

const routeSchema = z
  .strictObject({
    bucket: z.string(bucket).regex(BUCKET_NAME, bucket).describe('The bucket, by its exact name.'),
    prefix: z
      .string(prefix)
      .refine((text) => Buffer.byteLength(text) <= MAX_PREFIX_BYTES, prefix)
      .default('')
      .describe('Takes objects whose names begin so; the longest of several wins. Default: the whole bucket.'),
    model: z
      .string(model)
      .regex(MODEL, model)
      .optional()
      .describe('The model that detects them. With @hash, the version whose results the views show.'),
    lane: z.string(lane).regex(LANE_NAME, lane).optional().describe('Default: PENSTOCK_DEFAULT_LANE.'),
    deadline: z
      .string(deadline)
      .regex(DURATION, deadline)
      .optional()
      .describe('How long after its upload an image is still wanted; then it is dead as EXPIRED.'),
    ignore: z.literal(true, ignore).optional().describe('Nothing wants these objects.'),
  })
  .meta({
    oneOf: [
      { required: ['model'] },
      { required: ['ignore'], not: { anyOf: [{ required: ['lane'] }, { required: ['deadline'] }] } },
    ],
  });

/** The file of routes, version 1. */
export const routingFileSchema = z.strictObject(
  {
    version: z.literal(1, '1, the version of this format'),
    routes: z
      .array(routeSchema, 'a list of routes, each with bucket and model')
      .min(1, 'at least one route')
      .max(MAX_ROUTES, `at most ${MAX_ROUTES} routes`),
  },
  'a mapping with version and routes',
);

export type RoutingFile = z.infer<typeof routingFileSchema>;

const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of a duration that fits the schema. */
export function durationMs(text: string): number {
  return Number(text.slice(0, -1)) * (UNIT_MS[text.slice(-1)] ?? Number.NaN);
}
