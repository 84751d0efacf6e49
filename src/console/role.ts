import { readFile } from 'node:fs/promises';
import { connectTemporal } from '../client/index.js';
import { endpointsSchema, type Endpoints } from '../embedded/index.js';
import { lookAtStack } from '../operations/index.js';
import { programVersion, serveRole } from '../service/index.js';
import { createObjectReader } from '../storage/index.js';
import { createBoundedLog } from '../telemetry/index.js';
import { createWarehouse } from '../warehouse/index.js';
import { createAccess } from './access.js';
import { readAssets } from './assets.js';
import { FlowWatch } from './flow.js';
import { consoleOperations } from './operations.js';
import { createPictures } from './pictures.js';
import { serveConsole } from './server.js';
import { lazily } from './temporal.js';

const PICTURE_MS = 15_000;
/** Open batches that a look asks what they have done: it is often, and a chart shows no more. */
const BATCHES_LOOKED_AT = 20;

/**
 * The role `console`: a page for the person on duty, and its API. It needs no server to begin: what is away shows on it.
 * Throws ConfigError where it would let anybody in.
 */
export async function serve(): Promise<void> {
  await serveRole('console', async ({ config, log, http, listen }) => {
    const access = createAccess(config);
    const { assets, contentSecurityPolicy } = await readAssets();
    const warehouse = createWarehouse(config, log);
    const temporal = lazily(connectTemporal);
    const reader = createObjectReader({
      ...{ endpoint: config.PENSTOCK_GCS_ENDPOINT, projectId: config.PENSTOCK_GCS_PROJECT },
      ...{ maxBytes: config.PENSTOCK_IMAGE_MAX_BYTES, timeoutMs: PICTURE_MS },
    });
    const endpoints = (): Promise<Endpoints | undefined> => endpointsOf(config.PENSTOCK_CONSOLE_ENDPOINTS_FILE);
    let temporalUi = config.PENSTOCK_CONSOLE_TEMPORAL_UI;
    const warn = createBoundedLog(log, 1);
    const flow = new FlowWatch({
      look: async () => {
        const found = await endpoints();
        temporalUi = config.PENSTOCK_CONSOLE_TEMPORAL_UI ?? found?.temporalUi;
        return lookAtStack({
          ...{ config, endpoints: found, log },
          ...{ batchesLookedAt: BATCHES_LOOKED_AT, temporal: temporal.get },
        });
      },
      onError: (err) => warn({ err }, 'the stack could not be looked at'),
    });
    const ui = (): string | undefined => temporalUi;
    serveConsole({
      ...{ http, access, logins: config.PENSTOCK_CONSOLE_LOGINS, assets, contentSecurityPolicy, log },
      ...{ host: config.PENSTOCK_HTTP_HOST, version: programVersion(), temporalUi: ui },
      picture: createPictures({ reader, warehouse, config }),
      routes: consoleOperations({ config, log, warehouse, temporal: temporal.get, flow, temporalUi: ui }),
    });
    await listen();
    return {
      stop: async () => {
        flow.close();
        await Promise.all([warehouse.close(), temporal.close()]);
      },
    };
  });
}

/** Undefined while there is none: the stack writes it when everything is ready. */
async function endpointsOf(path: string | undefined): Promise<Endpoints | undefined> {
  if (path === undefined) return undefined;
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : endpointsSchema.parse(JSON.parse(text));
}
