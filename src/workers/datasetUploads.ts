import { setTimeout as sleep } from 'node:timers/promises';
import { uploadedTo, type TemporalClient } from '../client/index.js';
import { appliedManifests, datasetsAwaiting } from '../datasets/index.js';
import { INGESTER_GROUP, OTHER_UPLOADS_TOPIC, otherUploadSchema, type OtherUpload } from '../domain/index.js';
import { watchServer, type RoleContext } from '../service/index.js';
import { consume, createBrokerCheck, type Slice, type SliceHandler, type StreamRecord } from '../stream/index.js';
import type { Logger } from '../telemetry/index.js';
import type { Warehouse } from '../warehouse/index.js';

/** A dataset is told once of all that came meanwhile. Its runs gather uploads for longer than that. */
const TOLD_EVERY_MS = 1_000;

export interface UploadsOptions {
  warehouse: Warehouse;
  client: TemporalClient['client'];
  log: Logger;
}

/**
 * Tells datasets of uploads that they wait for. A slice is done once Temporal has taken every signal; before that it comes
 * again, and a dataset that is told twice finds nothing new. The manifests are those of now: an upload from before one was
 * applied is found by its first run.
 */
export function uploadsHandler({ warehouse, client, log }: UploadsOptions): SliceHandler {
  return async ({ records, signal, topic, partition }: Slice) => {
    const uploads = records.flatMap((record) => {
      const upload = readUpload(record);
      if (upload === undefined) log.warn({ topic, partition, offset: String(record.offset) }, 'no upload, passed over');
      return upload ?? [];
    });
    const applied = await appliedManifests(warehouse, 'onUpload');
    const manifests = [...applied.values()].map(({ manifest }) => manifest);
    for (const dataset of datasetsAwaiting(manifests, uploads)) {
      await uploadedTo(client, dataset);
      log.debug({ dataset }, 'told of uploads');
    }
    return { consumed: records.length, pauseUntil: sleep(TOLD_EVERY_MS, undefined, { signal }).catch(() => undefined) };
  };
}

function readUpload({ value }: StreamRecord): OtherUpload | undefined {
  try {
    return otherUploadSchema.parse(JSON.parse(value.toString()));
  } catch {
    return undefined;
  }
}

/** Reads uploads beside all else: Kafka that is away keeps no run from going on. Returns what ends it. */
export function watchUploads(context: RoleContext, options: UploadsOptions): () => Promise<void> {
  const { config, log, stopping, fail } = context;
  const broker = createBrokerCheck(config, log);
  const server = watchServer('Kafka', (timeoutMs) => broker.ask(timeoutMs));
  const consumer = consume(context, {
    ...{ name: 'kafka', groupId: INGESTER_GROUP, topics: [OTHER_UPLOADS_TOPIC], server },
    handler: uploadsHandler(options),
  });
  consumer.catch((error: unknown) => stopping.aborted || fail(error));
  return async () => {
    server.stop();
    await (await consumer.catch(() => undefined))?.close();
    await broker.close();
  };
}
