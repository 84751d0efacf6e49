import { createDatasetActivities } from '../activities/index.js';
import { connectTemporal, reservePlaces } from '../client/index.js';
import { createHostPace, openStaging, readSecrets, type Staging } from '../datasets/index.js';
import { DATASETS_QUEUE } from '../domain/index.js';
import { Gate, programVersion, retryForever, serveRole, type RoleContext, type RunningRole } from '../service/index.js';
import { createObjectLister, createObjectStreamer, createStorageCheck } from '../storage/index.js';
import { awaitSchema, createWarehouse } from '../warehouse/index.js';
import { watchUploads } from './datasetUploads.js';
import { closeConnection, connectWorker, installRuntime, runWorker } from './factory.js';
import { claimScratch } from './scratch.js';
import { watchServers } from './watchServers.js';

const MEGABYTE = 1_048_576;
const CLICKHOUSE_AWAY_MS = 3_000;
/** Pieces that are staged at once. Each holds one of the four threads that Node has for files and names as well. */
const STAGED_AT_ONCE = 3;

/** Role `ingester`: the steps of dataset runs. More of them share the work; what one has in hand is bounded by its slots. */
export function serve(): Promise<void> {
  return serveRole('ingester', start);
}

async function start(context: RoleContext): Promise<RunningRole> {
  const { config, log, listen, stopping } = context;
  await listen();
  await installRuntime(context);
  const scratch = await claimScratch(config.PENSTOCK_INGEST_DIR);
  const staging = await openStaging({
    dir: scratch.dir,
    memoryBytes: config.PENSTOCK_INGEST_MEMORY_MB * MEGABYTE,
  });
  const warehouse = createWarehouse(config, log);
  await awaitSchema(warehouse, context, { awayMs: CLICKHOUSE_AWAY_MS });
  const { connection, namespace } = await connectWorker(context);
  const temporal = await retryForever(connectTemporal, {
    backoff: { firstMs: 250, maxMs: 5_000 },
    signal: stopping,
    onError: (error, tries, waitMs) => log.warn({ err: error, tries, waitMs }, 'Temporal is away'),
  });
  const storage = { endpoint: config.PENSTOCK_GCS_ENDPOINT, projectId: config.PENSTOCK_GCS_PROJECT };
  const unwatch = watchServers(
    context,
    connection,
    {
      storage: { server: 'the storage', ask: createStorageCheck(storage) },
      clickhouse: { server: 'ClickHouse', ask: (timeoutMs) => warehouse.ping(timeoutMs) },
    },
    { usesKafka: false },
  );
  const worker = await runWorker(context, {
    connection,
    namespace,
    taskQueue: DATASETS_QUEUE,
    activities: {
      ...createDatasetActivities({
        ...{ warehouse, log, staging: inTurns(staging), dir: scratch.dir, program: programVersion() },
        lister: createObjectLister(storage),
        streamer: createObjectStreamer(storage),
        secrets: readSecrets(config.PENSTOCK_SECRETS_DIR),
        allowPrivate: config.PENSTOCK_INGEST_ALLOW_PRIVATE,
        pace: createHostPace((host, perSecond, most) => reservePlaces(temporal.client, host, { perSecond, most })),
      }),
    },
    maxConcurrentActivityTaskExecutions: config.PENSTOCK_INGEST_SLOTS,
    maxConcurrentActivityTaskPolls: Math.min(2, config.PENSTOCK_INGEST_SLOTS),
  });
  const unwatchUploads = watchUploads(context, { warehouse, client: temporal.client, log });
  return {
    stop: async () => {
      await unwatch();
      await Promise.all([worker.stop(), unwatchUploads()]);
      await temporal.connection.close();
      await closeConnection(context, connection);
      await warehouse.close();
      await staging.close();
      await scratch.release();
    },
  };
}

function inTurns(staging: Staging): Staging {
  const gate = new Gate(STAGED_AT_ONCE);
  return {
    stage: (piece, request) => gate.run(() => staging.stage(piece, request)),
    show: (staged, of) => staging.show(staged, of),
    close: () => staging.close(),
  };
}
