/**
 * The identity of an image: one version of one object. A name that is written again gets a new generation, so
 * (bucket, object, generation) never changes its meaning.
 */
export interface ImageRef {
  bucket: string;
  object: string;
  /** GCS generation: a 64-bit integer, kept as decimal digits so that it can't round. */
  generation: string;
}

/** Names of buckets, as Cloud Storage allows them. */
export const BUCKET_NAME = /^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/;

/** `gs://bucket/object#generation`: the identity as text, for logs and as key of a Kafka message. */
export function imageKey({ bucket, object, generation }: ImageRef): string {
  return `gs://${bucket}/${object}#${generation}`;
}

/** One box in pixels of the picture after EXIF orientation; `xMin < xMax`, `yMin < yMax`, inside the picture. */
export interface Detection {
  class: string;
  /** 0 to 1 */
  score: number;
  xMin: number;
  yMin: number;
  xMax: number;
  yMax: number;
}

/** What detection of one picture gives: its size after EXIF orientation and its boxes, best score first. */
export interface DetectedImage {
  width: number;
  height: number;
  detections: Detection[];
}

/** The name in `name@hash`: all versions of a model have it in common. */
export function modelName(model: string): string {
  const at = model.indexOf('@');
  return at < 0 ? model : model.slice(0, at);
}
