import { readFile } from 'node:fs/promises';
import { connectTemporal, type TemporalClient } from '../client/index.js';
import { endpointsSchema, type Endpoints } from '../embedded/index.js';
import { lookAtStack, readImageName } from '../operations/index.js';
import { programVersion, serveRole } from '../service/index.js';
import { createObjectReader } from '../storage/index.js';
import { createBoundedLog } from '../telemetry/index.js';
import { createWarehouse } from '../warehouse/index.js';
import { createAccess } from './access.js';
import { readAssets } from './assets.js';
import { ConsoleError } from './errors.js';
import { FlowWatch } from './flow.js';
import { consoleOperations } from './operations.js';
import { showPicture } from './pictures.js';
import { serveConsole } from './server.js';

const PICTURE_MS = 15_000;

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
        return lookAtStack({ config, endpoints: found, log });
      },
      onError: (err) => warn({ err }, 'the stack could not be looked at'),
    });
    const picture = (name: string): Promise<Buffer> => {
      const { bucket, object, generation } = readImageName(name);
      if (generation === undefined)
        throw new ConsoleError(400, 'name: its generation, as gs://bucket/object#generation');
      return showPicture({ bucket, object, generation }, { reader, maxPixels: config.PENSTOCK_IMAGE_MAX_PIXELS });
    };
    const ui = (): string | undefined => temporalUi;
    serveConsole({
      ...{ http, access, logins: config.PENSTOCK_CONSOLE_LOGINS, assets, contentSecurityPolicy, picture, log },
      ...{ version: programVersion(), temporalUi: ui },
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

/** Connected when it is first asked for, and again where that failed. */
function lazily(connect: () => Promise<TemporalClient>): {
  get: () => Promise<TemporalClient>;
  close: () => Promise<void>;
} {
  let connecting: Promise<TemporalClient> | undefined;
  return {
    get: () => {
      connecting ??= connect().catch((error: unknown) => {
        connecting = undefined;
        throw error;
      });
      return connecting;
    },
    close: async () => {
      await (await connecting?.catch(() => undefined))?.connection.close();
    },
  };
}

/** Undefined while there is none: the stack writes it when everything is ready. */
async function endpointsOf(path: string | undefined): Promise<Endpoints | undefined> {
  if (path === undefined) return undefined;
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : endpointsSchema.parse(JSON.parse(text));
}
