import { z } from 'zod';
import { imageEventSchema, MODEL_NAME } from '../../domain/index.js';
import { checked } from '../checked.js';
import { parseJson } from '../reading.js';
import { Refusal } from '../refusal.js';

/** Milliseconds that a sender waits who says nothing of it. */
const DEADLINE_MS = 30_000;
const LONGEST_DEADLINE_MS = 60_000;

const { bucket, object, generation } = imageEventSchema.shape;
const imageSchema = z.object({ bucket, object, generation: generation.optional() });
const model = z.string().regex(MODEL_NAME, 'the name of a model: a-z, 0-9, dot, dash, underscore').optional();
const deadlineMs = z.int().min(1).max(LONGEST_DEADLINE_MS);

/** `POST /v1/detect` of a picture that is in a bucket. */
export const referenceSchema = z.strictObject({
  image: z.string(),
  model,
  deadlineMs: deadlineMs.default(DEADLINE_MS),
});
/** What may come beside a picture in the body. */
export const querySchema = z.strictObject({
  model,
  deadlineMs: z
    .string()
    .regex(/^\d{1,6}$/, 'whole milliseconds')
    .transform(Number)
    .pipe(deadlineMs)
    .default(DEADLINE_MS),
  name: z
    .string()
    .regex(/^[\w.()+ -]{1,100}$/, 'at most 100 of the characters A-Z, a-z, 0-9, space and . _ - + ( )')
    .optional(),
});

/** A picture that is in a bucket. */
export interface ReferenceRequest {
  image: { bucket: string; object: string; generation?: string | undefined };
  model?: string | undefined;
  deadlineMs: number;
}

/** What comes beside a picture in the body. */
export type PictureQuery = z.infer<typeof querySchema>;

/**
 * Reads `{ "image": "gs://bucket/object", "model": …, "deadlineMs": … }`. As in Google's own tools, digits after the last
 * `#` of the image are a generation. Throws Refusal that names each field that is wrong.
 */
export function readReference(body: Buffer): ReferenceRequest {
  const json = parseJson(body);
  if (!json.ok) throw new Refusal('invalid', `body: ${json.detail}`);
  const { image, ...rest } = checked(referenceSchema, json.value, 'body');
  const [, bucketName, name, digits] = /^gs:\/\/([^/]+)\/(.+?)(?:#(\d+))?$/s.exec(image) ?? [];
  if (bucketName === undefined) throw new Refusal('invalid', 'image: it looks like gs://bucket/folder/picture.jpg');
  return { ...rest, image: checked(imageSchema, { bucket: bucketName, object: name, generation: digits }, 'image') };
}

/** Reads `?model=…&deadlineMs=…&name=…`. Throws Refusal that names each that is wrong. */
export function readQuery(query: unknown): PictureQuery {
  return checked(querySchema, query, 'query');
}

/** What a body is, by its headers. Throws Refusal for what is neither, and for one that is packed. */
export function bodyKind(headers: Readonly<Record<string, string | string[] | undefined>>): {
  kind: 'reference' | 'picture';
  mediaType: string;
} {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity')
    throw new Refusal('unsupported', 'a body is taken as it is, without Content-Encoding');
  const mediaType = (String(headers['content-type'] ?? '').split(';')[0] ?? '').trim().toLowerCase();
  if (mediaType === 'application/json') return { kind: 'reference', mediaType };
  if (/^image\/[a-z0-9.+-]{1,100}$/.test(mediaType) || mediaType === 'application/octet-stream')
    return { kind: 'picture', mediaType };
  throw new Refusal('unsupported', 'Content-Type: application/json, image/* or application/octet-stream');
}
