/** What the audit by schedule found; the result of its workflow. Fields are only added. */
export interface AuditOutcome {
  /** ISO 8601, like all times. */
  checkedAt: string;
  /** Of objects that were uploaded from here … */
  from: string;
  /** … to here. */
  to: string;
  /** Images that are missing in all buckets. */
  missing: number;
  buckets: AuditedBucket[];
  /** The first of the missing, as gs://bucket/object#generation. */
  listed: string[];
  /** Records that the sink had not stored after it was waited for; some of what is missing may be among them. */
  sinkBehind: number;
}

export interface AuditedBucket {
  bucket: string;
  /** Objects without an event. */
  notReceived: number;
  /** Images without a result that nothing has any more. */
  notStored: number;
  /** Why the bucket could not be listed whole; null: it was. */
  problem: string | null;
}
