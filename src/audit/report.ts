/** What an audit found. Fields are only added. */
export interface AuditReport {
  /** ISO 8601, like all times. */
  checkedAt: string;
  /** What was uploaded from here … */
  from: string;
  /** … to here: what is newer has its grace. */
  to: string;
  prefix: string;
  buckets: BucketAudit[];
  /** All that are missing; `listed` has the first of them. */
  missing: number;
  listed: MissingImage[];
  /** Records that the sink had not stored after it was waited for. Above 0, some of what is missing may be among them. */
  sinkBehind: number;
}

export interface BucketAudit {
  bucket: string;
  /** Objects that are in the bucket now, of the time that is audited. */
  objects: number;
  /** Of these, what intake takes no event of, by the outcome that its metric has. */
  notTaken: Record<string, number>;
  /** Objects with an event. */
  received: number;
  /** Of these, objects that are not in the bucket any more: deleted or written again. */
  goneSince: number;
  /** Images, each once for every model that it was sent to. */
  detected: number;
  dead: Record<string, number>;
  /** In Kafka, in Kafka behind a circuit breaker, in a batch. */
  waiting: number;
  held: number;
  running: number;
  /** Objects without an event, and images without a result that nothing has any more. */
  notReceived: number;
  notStored: number;
  /** Why the bucket could not be listed; then nothing is known of what was not received. Null: it was. */
  problem: string | null;
}

/** In the bucket and not received, or received and neither stored nor on its way. */
export interface MissingImage {
  kind: 'not-received' | 'not-stored';
  bucket: string;
  object: string;
  generation: string;
  /** Name of the model; null for what was not received. */
  model: string | null;
  uploadedAt: string;
}

export function emptyBucket(bucket: string): BucketAudit {
  return {
    bucket,
    objects: 0,
    notTaken: {},
    received: 0,
    goneSince: 0,
    detected: 0,
    dead: {},
    waiting: 0,
    held: 0,
    running: 0,
    notReceived: 0,
    notStored: 0,
    problem: null,
  };
}
