import { connectTemporal, reservePlaces, type TemporalClient } from '../../client/index.js';
import { createHostPace } from '../../datasets/index.js';
import { reasonOf } from '../../telemetry/index.js';
import { VerbError } from '../verb.js';

/**
 * The pace that requests to hosts have, of all ingesters and this process together. Temporal is connected to when it is
 * first asked for; where it can't be asked no request is made, and VerbError says so.
 */
export function openPace(): { pace: ReturnType<typeof createHostPace>; close: () => Promise<void> } {
  let connected: Promise<TemporalClient> | undefined;
  const pace = createHostPace(async (host, perSecond, most) => {
    try {
      const { client } = await (connected ??= connectTemporal());
      return await reservePlaces(client, host, { perSecond, most });
    } catch (error) {
      throw new VerbError(
        `Temporal spaces the requests to ${host}, for all who make any, and could not be asked: ${reasonOf(error)}`,
      );
    }
  });
  return {
    pace,
    close: async () => {
      const temporal = await connected?.catch(() => undefined);
      await temporal?.connection.close();
    },
  };
}
