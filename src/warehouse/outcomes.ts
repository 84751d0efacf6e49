import { imageKey, type ImageRef } from '../domain/index.js';
import type { Warehouse } from './warehouse.js';

/** What is stored of an image under all versions of a model. */
export interface StoredOutcome {
  /** A version of the model has detected it. */
  isDetected: boolean;
  /** Reason code of its last death; empty where it never died. */
  deadReason: string;
  /** When the event was received that the outcome came of: the detection, or the death where there is none. */
  receivedAtMs: number;
}

/** An image and when it was uploaded: its rows lie in that hour. */
type UploadedImage = ImageRef & { uploadedAtMs: number };

const HOUR_MS = 3_600_000;
/** An event without data gives its own time for that of the upload, which may be in the next hour. */
export const EVENT_DELAY_MS = 60_000;

/**
 * What the tables say of images of one bucket, by model name and then by image key (`imageKey`); one that has no row is
 * left out. From the rows as they are: a duplicate changes nothing, and merging them first would cost more. Hours come
 * first in the order of the table, so images of few hours cost few granules, however large it is. At most 1,000 images,
 * or the statement gets too long.
 */
export async function readOutcomes(
  warehouse: Warehouse,
  images: readonly UploadedImage[],
  models: readonly string[],
): Promise<Map<string, Map<string, StoredOutcome>>> {
  const [first] = images;
  const found = new Map<string, Map<string, StoredOutcome>>();
  if (first === undefined || models.length === 0) return found;
  const names = images.map(({ object }) => Buffer.from(object)).sort((a, b) => a.compare(b));
  // Numbers stand in the text: as a parameter they would travel in the address, which servers cut at a few kilobytes.
  const generations = images.map(({ generation }) => BigInt(generation)).join(', ');
  const hours = new Set(images.flatMap(({ uploadedAtMs: at }) => [hourOf(at), hourOf(at + EVENT_DELAY_MS)]));
  const rows = await warehouse.query<{
    object: string;
    generation: string;
    name: string;
    detected: number;
    reason: string;
    received: string;
  }>(
    `SELECT object, generation, substringIndex(model, '@', 1) AS name,
       max(status = 'detected') AS detected, argMaxIf(reason, detected_at, status = 'dead') AS reason,
       toUnixTimestamp64Milli(if(detected = 1, maxIf(received_at, status = 'detected'), max(received_at))) AS received
     FROM image_results
     WHERE toStartOfHour(uploaded_at) IN (${[...hours].join(', ')}) AND bucket = {bucket:String} AND object BETWEEN {first:String} AND {last:String}
       AND generation IN (${generations}) AND substringIndex(model, '@', 1) IN {models:Array(String)}
     GROUP BY object, generation, name`,
    { bucket: first.bucket, first: String(names[0]), last: String(names.at(-1)), models },
  );
  for (const { object, generation, name, detected, reason, received } of rows) {
    const ofModel = found.get(name) ?? new Map<string, StoredOutcome>();
    found.set(name, ofModel);
    ofModel.set(imageKey({ bucket: first.bucket, object, generation }), {
      isDetected: detected === 1,
      deadReason: reason,
      receivedAtMs: Number(received),
    });
  }
  return found;
}

/** Start of the hour, seconds since the epoch. */
const hourOf = (epochMs: number): number => (Math.floor(epochMs / HOUR_MS) * HOUR_MS) / 1000;
