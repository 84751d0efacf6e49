/** One route of the file. */
export type RouteRule = {
  /** Line of the file, from 1 on. */
  line: number;
  bucket: string;
  prefix: string;
} & (
  | { ignore: true }
  | {
      ignore: false;
      model: string;
      /** Hash of the version that views show, where the route names it. */
      pin?: string;
      lane: string;
      /** Milliseconds after the upload. */
      deadlineMs?: number;
    }
);

interface Bucket {
  byPrefix: Map<string, RouteRule>;
  /** Different lengths of prefixes, the longest first. */
  lengths: number[];
}

/**
 * Routes by bucket and prefix, no two of which have both in common. The longest prefix wins, so their order means
 * nothing. A lookup costs one hash for each different length of a prefix in the bucket, however many routes there are.
 */
export class RouteTable {
  readonly rules: readonly RouteRule[];
  readonly #buckets = new Map<string, Bucket>();

  constructor(rules: readonly RouteRule[]) {
    this.rules = rules;
    for (const rule of rules) {
      const bucket = this.#buckets.get(rule.bucket) ?? { byPrefix: new Map<string, RouteRule>(), lengths: [] };
      bucket.byPrefix.set(rule.prefix, rule);
      this.#buckets.set(rule.bucket, bucket);
    }
    for (const bucket of this.#buckets.values())
      bucket.lengths = [...new Set([...bucket.byPrefix.keys()].map(({ length }) => length))].sort((a, b) => b - a);
  }

  /** The route that an object takes. */
  find({ bucket, object }: { bucket: string; object: string }): RouteRule | undefined {
    return this.#longest(bucket, object, object.length);
  }

  /** The route that objects of this one would take without it. */
  parentOf({ bucket, prefix }: RouteRule): RouteRule | undefined {
    return this.#longest(bucket, prefix, prefix.length - 1);
  }

  #longest(bucketName: string, name: string, maxLength: number): RouteRule | undefined {
    const bucket = this.#buckets.get(bucketName);
    for (const length of bucket?.lengths ?? []) {
      const rule = length <= maxLength ? bucket?.byPrefix.get(name.slice(0, length)) : undefined;
      if (rule) return rule;
    }
    return undefined;
  }
}
