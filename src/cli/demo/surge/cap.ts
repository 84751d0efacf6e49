import { changeCapacity, connectTemporal, readCapacity, type TemporalClient } from '../../../client/index.js';
import type { Config } from '../../../config/index.js';
import type { ModelCapacity, Rate } from '../../../domain/index.js';
import { reasonOf } from '../../../telemetry/index.js';
import { UsageError, VerbError } from '../../verb.js';

/** The cap that a surge is measured against. */
export interface HeldCap {
  cap: number;
  /** Detectors that served under it when it was read. */
  detectors: number;
  /** Puts back what was there before; throws VerbError with what to do where that fails. */
  restore: () => Promise<void>;
}

/**
 * The cap of a model of a stack, set to `wanted` for the time of the demo where that is given and is not in force
 * already. Throws UsageError where there is no cap, VerbError where the workflow of capacity does not answer.
 */
export async function holdCap(config: Config, model: string, wanted: number | undefined): Promise<HeldCap> {
  const before = await asking((temporal) => capacityOf(temporal, model), 'The cap can not be read');
  const cap = wanted ?? before.cap;
  if (cap === null) throw new UsageError(`The detectors of ${model} have no cap: give one with --cap.`);
  if (cap === before.cap) return { cap, detectors: serving(before), restore: () => Promise.resolve() };
  const set = (to: Rate | 'default', why: string): Promise<unknown> =>
    asking(
      ({ client }) =>
        changeCapacity(client, { change: { set: { model, cap: to } }, who: WHO, why }, config.PENSTOCK_LEASE_MS),
      `The cap could not be set to ${to ?? 'none'}`,
    );
  const restore = async (): Promise<void> => {
    await set(before.capFrom === 'configuration' ? 'default' : before.cap, 'the surge is over');
  };
  try {
    await set(cap, 'a surge at ten times the cap');
    const now = await asking((temporal) => capacityOf(temporal, model), 'The cap can not be read');
    return { cap, detectors: serving(now), restore };
  } catch (error) {
    // Whether it was set is not known.
    await restore().catch(() => undefined);
    throw error;
  }
}

const WHO = 'penstock demo --surge';

async function capacityOf({ client }: TemporalClient, model: string): Promise<ModelCapacity> {
  const found = (await readCapacity(client)).models.find((one) => one.model === model);
  if (found === undefined) throw new Error(`nothing is known of the model ${model}`);
  return found;
}

function serving({ holders }: ModelCapacity): number {
  return Math.max(1, holders.filter(({ standby }) => !standby).length);
}

async function asking<T>(ask: (temporal: TemporalClient) => Promise<T>, failure: string): Promise<T> {
  try {
    const temporal = await connectTemporal();
    try {
      return await ask(temporal);
    } finally {
      await temporal.connection.close();
    }
  } catch (error) {
    throw new VerbError(`${failure}: ${reasonOf(error)}`);
  }
}
