import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Storage } from '@google-cloud/storage';
import { inject } from 'vitest';
import { GCS_PROJECT, readEndpoints, type Endpoints } from '../../src/embedded/index.js';

/** What a test of the whole path needs: uploads as a sender makes them, and counts as an analyst asks for them. */

export interface Uploaded {
  bucket: string;
  object: string;
  generation: string;
}

let ownStack: string | undefined;

/** From now on, all that a test file asks here is about a stack of its own: where its data directory is. */
export function useStack(dataDir: string): void {
  ownStack = dataDir;
}

/** Data directory of the stack that is asked. */
export const dataDirNow = (): string => ownStack ?? inject('dataDir');

/** Where the stack is now: pids and ports change when something is killed. */
export const endpointsNow = (): Promise<Endpoints> => readEndpoints(dataDirNow());

export async function bucketOf({ gcs, bucket }: Endpoints) {
  const storage = new Storage({ apiEndpoint: gcs, projectId: GCS_PROJECT, useAuthWithCustomEndpoint: false });
  return Promise.resolve(storage.bucket(bucket));
}

/** Calls `work` for each item, at most `width` at once. */
export async function forEachBounded<T>(
  items: readonly T[],
  width: number,
  work: (item: T, index: number) => Promise<void>,
) {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      const item = items[index];
      if (item !== undefined) await work(item, index);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
}

/** Uploads pictures under a prefix and posts each one's event, as Pub/Sub would: until it is taken. */
export async function uploadAll(
  pictures: readonly { name: string; bytes: Buffer }[],
  options: { width?: number; twice?: (index: number) => boolean; metadata?: Record<string, string> } = {},
): Promise<Uploaded[]> {
  const endpoints = await endpointsNow();
  const bucket = await bucketOf(endpoints);
  const uploaded: Uploaded[] = [];
  await forEachBounded(pictures, options.width ?? 8, async ({ name, bytes }, index) => {
    const file = bucket.file(name);
    const metadata = { contentType: 'image/jpeg', ...(options.metadata ? { metadata: options.metadata } : {}) };
    // A storage server that is killed refuses the upload; the sender comes again.
    await eventually(
      () => file.save(bytes, { resumable: false, metadata }).then(() => true),
      (isSaved) => isSaved,
      120_000,
    );
    const image = { bucket: endpoints.bucket, object: name, generation: String(file.metadata.generation) };
    uploaded.push(image);
    await postEvent(image, { timeCreated: file.metadata.timeCreated ?? new Date().toISOString(), ...metadata });
    if (options.twice?.(index)) await postEvent(image, { timeCreated: file.metadata.timeCreated ?? '', ...metadata });
  });
  return uploaded;
}

/** The body of a push of Pub/Sub that tells of an object. */
export function pushOf(image: Uploaded, resource: Record<string, unknown>): string {
  return JSON.stringify({
    subscription: 'projects/test/subscriptions/uploads',
    message: {
      messageId: randomUUID(),
      publishTime: new Date().toISOString(),
      attributes: {
        eventType: 'OBJECT_FINALIZE',
        payloadFormat: 'JSON_API_V1',
        bucketId: image.bucket,
        objectId: image.object,
        objectGeneration: image.generation,
      },
      data: Buffer.from(
        JSON.stringify({
          ...{ kind: 'storage#object', bucket: image.bucket, name: image.object, generation: image.generation },
          ...resource,
        }),
      ).toString('base64'),
    },
  });
}

/** Posts one event; anything but a 2xx is sent again, as Pub/Sub does, for two minutes. */
export async function postEvent(image: Uploaded, resource: Record<string, unknown>): Promise<void> {
  const body = pushOf(image, resource);
  for (let tries = 0; tries < 240; tries += 1) {
    const status = await endpointsNow()
      .then(({ intake }) =>
        fetch(`${intake ?? ''}/events/pubsub`, {
          method: 'POST',
          body,
          headers: { 'content-type': 'application/json' },
          signal: AbortSignal.timeout(15_000),
        }),
      )
      .then((response) => response.status)
      .catch(() => 0);
    if (status >= 200 && status < 300) return;
    if (status >= 400 && status < 500) throw new Error(`intake answers ${status}`);
    await sleep(500);
  }
  throw new Error('intake took no event for two minutes');
}

/** Rows of a query against the stack's ClickHouse. */
export async function select<Row>(sql: string): Promise<Row[]> {
  const { clickhouse } = await endpointsNow();
  const response = await fetch(
    `${clickhouse}/?database=penstock&default_format=JSON&output_format_json_quote_64bit_integers=0`,
    {
      method: 'POST',
      body: sql,
      signal: AbortSignal.timeout(30_000),
    },
  );
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return (JSON.parse(text) as { data: Row[] }).data;
}

/** Waits for a condition, asking often at first and every half second at last; what it last saw is in the error. */
export async function eventually<T>(ask: () => Promise<T>, holds: (value: T) => boolean, withinMs: number): Promise<T> {
  const began = performance.now();
  const deadline = began + withinMs;
  let last: T | Error = new Error('never asked');
  while (performance.now() < deadline) {
    try {
      last = await ask();
      if (holds(last)) return last;
    } catch (error) {
      last = error instanceof Error ? error : new Error(String(error));
    }
    await sleep(Math.min(500, Math.max(50, (performance.now() - began) / 5)));
  }
  throw new Error(
    `not within ${withinMs} ms; last seen: ${last instanceof Error ? last.message : JSON.stringify(last)}`,
  );
}

export interface Counts {
  rows: number;
  keys: number;
  detected: number;
  dead: number;
}

/** What the view `images` says of the objects under a prefix. */
export async function imageCounts(prefix: string): Promise<Counts> {
  const [counts] = await select<Counts>(
    `SELECT count() AS rows, uniqExact(bucket, object, generation, model) AS keys,
       countIf(status = 'detected') AS detected, countIf(status = 'dead') AS dead
     FROM images WHERE startsWith(object, '${prefix}')`,
  );
  return counts ?? { rows: 0, keys: 0, detected: 0, dead: 0 };
}
