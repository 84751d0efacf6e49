import type { TemporalClient } from '../client/index.js';
import { reasonOf } from '../telemetry/index.js';
import { ConsoleError } from './errors.js';

/**
 * Temporal, connected when it is first asked for, and again where that failed. Throws ConsoleError where it can't be
 * reached.
 */
export function lazily(connect: () => Promise<TemporalClient>): {
  get: () => Promise<TemporalClient>;
  close: () => Promise<void>;
} {
  let connecting: Promise<TemporalClient> | undefined;
  return {
    get: () => {
      connecting ??= connect().catch((error: unknown) => {
        connecting = undefined;
        throw new ConsoleError(503, `Temporal: ${reasonOf(error)}`, { cause: error });
      });
      return connecting;
    },
    close: async () => {
      await (await connecting?.catch(() => undefined))?.connection.close();
    },
  };
}
