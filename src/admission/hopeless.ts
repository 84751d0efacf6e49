import type { ImageReason } from '../domain/index.js';
import type { FinalizedObject } from './reading.js';

/** Types of formats that the detector never decodes. `image/heif` is not among them: AVIF is one too. */
const UNDECODABLE_TYPES: ReadonlySet<string> = new Set([
  'image/svg+xml',
  'image/heic',
  'image/heic-sequence',
  'image/bmp',
  'image/x-bmp',
  'image/x-ms-bmp',
  'image/vnd.adobe.photoshop',
  'image/x-photoshop',
  'image/x-icon',
  'image/vnd.microsoft.icon',
  'image/jp2',
  'image/jpx',
  'image/jpm',
  'image/jxl',
  'image/x-exr',
  'image/aces',
  'image/x-portable-pixmap',
  'image/x-portable-graymap',
  'image/x-portable-bitmap',
  'image/x-portable-anymap',
]);
const DECODABLE_EXTENSION = /\.(?:jpe?g|jpe|jfif|png|webp|gif|tiff?|avif)$/i;

/**
 * Why an image can not be detected, as far as its event tells: found before a byte of it is downloaded. What is the same
 * at every delivery of the event comes before the deadline, which is not.
 */
export function whyHopeless(
  object: FinalizedObject,
  { maxBytes, deadlineMs, nowMs }: { maxBytes: number; deadlineMs: number | undefined; nowMs: number },
): { reason: ImageReason; detail: string } | undefined {
  const { sizeBytes, contentType = '' } = object;
  if (sizeBytes === 0) return { reason: 'NOT_AN_IMAGE', detail: 'the object has 0 bytes' };
  if (sizeBytes !== undefined && sizeBytes > maxBytes)
    return { reason: 'TOO_LARGE', detail: `the object has ${sizeBytes} bytes, at most ${maxBytes} are taken` };
  if (isUndecodable(object)) return { reason: 'UNSUPPORTED_FORMAT', detail: `the content type is ${contentType}` };
  if (deadlineMs !== undefined && deadlineMs < nowMs)
    return { reason: 'EXPIRED', detail: `its event came after its deadline, ${new Date(deadlineMs).toISOString()}` };
  return undefined;
}

/**
 * Whoever uploads sets the content type, often by a guess, so a type alone refuses nothing: it must be one of a closed
 * list, and the name must not say that it is a picture after all (`photo.jpg` as `image/heic` is looked at). Anything
 * else goes on, and the detector sees by the first bytes what it is.
 */
function isUndecodable({ object, contentType = '' }: FinalizedObject): boolean {
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase();
  return UNDECODABLE_TYPES.has(type) && !DECODABLE_EXTENSION.test(object);
}
