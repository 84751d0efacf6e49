import { z } from 'zod';
import { DEAD_LETTER_REASONS, IMAGE_REASONS, type DeadLetterReason, type ImageReason } from './reasons.js';

/**
 * What travels through Kafka. These schemas parse the messages and are published as JSON Schema under schemas/.
 * A version is raised only for a change that an older reader can't read; readers ignore unknown fields.
 */

const epochMs = z.int().nonnegative().describe('Milliseconds since 1970-01-01T00:00:00Z');
/** As far as the columns go: ClickHouse would wrap a larger number around without a word. */
const unsigned32 = z.int().nonnegative().max(4_294_967_295);
const pixels = unsigned32.describe('Pixels, after EXIF orientation; 0 when unknown');
/** Of the same length, digits compare as their numbers do. */
const LARGEST_GENERATION = String(2n ** 63n - 1n);
const generation = z
  .string()
  .regex(/^\d{1,19}$/, 'no generation: a 64-bit number that is not negative')
  .refine(
    (digits) => digits.length < LARGEST_GENERATION.length || digits <= LARGEST_GENERATION,
    'no generation: more than 64 bits',
  )
  .describe('GCS object generation, decimal digits');
const bucket = z
  .string()
  .min(1)
  .max(222)
  .regex(/^[A-Za-z0-9_][\w.-]*$/, 'no name of a bucket');
const object = z
  .string()
  .min(1)
  .max(1024)
  .refine((name) => name.isWellFormed(), 'half of a surrogate pair: no UTF-8 has that')
  .refine((name) => name !== '.' && name !== '..', 'no object has this name')
  .describe('Object name, as GCS has it, not URL-encoded');

const image = { bucket, object, generation };

/** Topic `penstock.image-events.<lane>`: one finalized object that is to be detected. */
export const imageEventSchema = z.object({
  v: z.literal(1).describe('Version of this schema'),
  id: z.string().min(8).max(64).describe('Id of this acceptance, given by intake'),
  sourceId: z.string().max(256).optional().describe('Id that the sender gave: ce-id or Pub/Sub messageId'),
  ...image,
  uploadedAtMs: epochMs.describe('When the object was created (timeCreated), in milliseconds since the epoch'),
  receivedAtMs: epochMs.describe('When intake accepted the event, in milliseconds since the epoch'),
  contentType: z.string().max(256).optional(),
  sizeBytes: z.int().nonnegative().optional(),
  model: z.string().min(1).max(64).describe('Name of the model that is to detect it'),
  deadlineMs: epochMs.optional().describe('When its result comes too late: then it is dead as EXPIRED'),
  lane: z.string().max(64).optional().describe('Only in penstock.image-events.held: the lane that it goes back to'),
});
export type ImageEvent = z.infer<typeof imageEventSchema>;

/** Topic `penstock.other-uploads`: one finalized object that is no image. Twice is harmless, and so is one too few. */
export const otherUploadSchema = z.object({ v: z.literal(1).describe('Version of this schema'), ...image });
export type OtherUpload = z.infer<typeof otherUploadSchema>;

const detectionSchema = z.object({
  class: z.string().min(1).max(128),
  score: z.number().min(0).max(1),
  xMin: z.number(),
  yMin: z.number(),
  xMax: z.number(),
  yMax: z.number(),
});

/** Topic `penstock.image-results`: what became of one image under one model. */
export const imageResultSchema = z.object({
  v: z.literal(1).describe('Version of this schema'),
  ...image,
  model: z
    .string()
    .min(1)
    .max(96)
    .describe('name@hash of the model; the name alone where the image was refused before a detector had it'),
  status: z.enum(['detected', 'dead']),
  reason: z
    .enum(Object.keys(IMAGE_REASONS) as [ImageReason, ...ImageReason[]])
    .optional()
    .describe('Only for dead'),
  detail: z.string().max(500).optional().describe('For a person: what exactly went wrong'),
  width: pixels,
  height: pixels,
  detections: z.array(detectionSchema).max(10_000),
  uploadedAtMs: epochMs,
  receivedAtMs: epochMs,
  detectedAtMs: epochMs.describe('When the pacer granted the inference; for dead, when it was given up'),
  attempts: unsigned32.describe('Inferences begun for it, this one included'),
  workflowId: z.string().max(1000),
  runId: z.string().max(64),
});
export type ImageResult = z.infer<typeof imageResultSchema>;

/** Topic `penstock.dead-letters`: what could not be taken further, as it came. */
export const deadLetterSchema = z.object({
  v: z.literal(1).describe('Version of this schema'),
  id: z.string().min(8).max(64),
  source: z.enum(['intake', 'dispatcher', 'sink']),
  reason: z.enum(Object.keys(DEAD_LETTER_REASONS) as [DeadLetterReason, ...DeadLetterReason[]]),
  detail: z.string().max(2000).describe('For a person: what exactly was wrong, and where'),
  origin: z.string().max(512).describe('Where it came from: a request path, or topic/partition/offset'),
  payload: z.string().describe('The refused body or record; cut at 64 KiB'),
  payloadEncoding: z.enum(['utf8', 'base64']),
  payloadTruncated: z.boolean(),
  key: z.string().max(4096).optional().describe('Key of the record, where it had one'),
  headers: z
    .record(z.string().max(128), z.string().max(2048))
    .optional()
    .describe('Headers of the record; of a request those that say what its body is, never credentials'),
  receivedAtMs: epochMs,
});
export type DeadLetter = z.infer<typeof deadLetterSchema>;

/** Header of a record that was sent again: the id of its dead letter. */
export const DEAD_LETTER_HEADER = 'penstock-dead-letter';

/** Most bytes of a refused body that a dead letter keeps. */
export const DEAD_LETTER_PAYLOAD_BYTES = 65_536;
