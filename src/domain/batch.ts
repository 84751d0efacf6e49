/**
 * Input of the workflow `detectBatch`: references only, packed by column because thousands of them are stored in
 * workflow histories. Bucket names appear once.
 */
export interface DetectBatchInput {
  /** Name of the model; its task queue is `penstock-detect-<model>`. */
  model: string;
  lane: string;
  /** Where the batch was read: topic, partition, first and last offset (decimal digits). */
  topic: string;
  partition: number;
  firstOffset: string;
  lastOffset: string;
  buckets: string[];
  images: PackedImage[];
}

/** [index into buckets, object, generation, uploadedAtMs, receivedAtMs] */
export type PackedImage = [
  bucket: number,
  object: string,
  generation: string,
  uploadedAtMs: number,
  receivedAtMs: number,
];

/** Memo of a `detectBatch` execution: which records it stands for, so that a dispatcher that died can go on after it. */
export interface BatchMemo {
  /** First and last offset of the batch, decimal digits. */
  firstOffset: string;
  lastOffset: string;
  /** Hex SHA-256 over the ids of all its events in order. */
  eventsHash: string;
}
