import { z } from 'zod';
import { imageEventSchema } from '../domain/index.js';
import { invalid, isRecord, refused, type FinalizedObject, type Reading } from './reading.js';

/** Types that say nothing about the content; then the name decides. `binary/octet-stream` comes with copies from S3. */
const OPAQUE_TYPES: ReadonlySet<string> = new Set(['', 'application/octet-stream', 'binary/octet-stream']);
const IMAGE_EXTENSION = /\.(?:jpe?g|jpe|jfif|png|webp|gif|bmp|tiff?|avif|hei[cf]|jp2|jxl)$/i;

const { bucket, object, generation } = imageEventSchema.shape;
const safeInteger = z.int().nonnegative();

/**
 * The object resource of the storage API, as far as Penstock reads it; the rest is ignored. 64-bit numbers come as
 * strings, in some of Google's own examples as numbers.
 */
const resourceSchema = z.object({
  bucket,
  name: object,
  generation: z.union([generation, safeInteger.transform(String)]),
  timeCreated: z.iso.datetime({ offset: true }),
  contentType: z.string().nullish(),
  size: z
    .union([
      z
        .string()
        .regex(/^\d{1,15}$/)
        .transform(Number),
      safeInteger,
    ])
    .nullish(),
  metadata: z.unknown().optional(),
});

/** What datasets are told of an object that is no image. */
const fileSchema = resourceSchema.pick({ bucket: true, name: true, generation: true });

/** Clocks differ by seconds; a date beyond that is wrong, and would make a partition of its own in the tables. */
const FUTURE_LIMIT_MS = 86_400_000;

/**
 * Reads the resource of a finalized object. What is no image is ignored before its other fields are looked at, so that
 * dead letters are about images only.
 */
export function readStorageObject(resource: unknown, where: string, nowMs: number): Reading {
  if (!isRecord(resource)) return refused('INVALID_EVENT', `${where}: no object resource`);
  if (typeof resource['name'] === 'string' && !isImage(resource['name'], resource['contentType'])) {
    const file = fileSchema.safeParse(resource);
    if (!file.success) return { kind: 'ignored', outcome: 'ignored_not_image' };
    const { name, ...identity } = file.data;
    return { kind: 'ignored', outcome: 'ignored_not_image', file: { ...identity, object: name } };
  }
  const parsed = resourceSchema.safeParse(resource);
  if (!parsed.success) return invalid(parsed.error, where);
  const { name, timeCreated, contentType, size, metadata, ...identity } = parsed.data;
  const uploadedAtMs = Date.parse(timeCreated);
  if (uploadedAtMs > nowMs + FUTURE_LIMIT_MS) {
    return refused('INVALID_EVENT', `${where}.timeCreated: ${timeCreated} is more than a day in the future`);
  }
  const finalized: FinalizedObject = {
    ...identity,
    object: name,
    uploadedAtMs,
    metadata: isRecord(metadata) ? metadata : {},
  };
  if (contentType) finalized.contentType = contentType.slice(0, 256);
  if (typeof size === 'number') finalized.sizeBytes = size;
  return { kind: 'object', object: finalized };
}

function isImage(name: string, contentType: unknown): boolean {
  const type = typeof contentType === 'string' ? (contentType.split(';')[0] ?? '').trim().toLowerCase() : '';
  return OPAQUE_TYPES.has(type) ? IMAGE_EXTENSION.test(name) : type.startsWith('image/');
}
