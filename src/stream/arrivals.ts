import type { Config } from '../config/index.js';
import { imageEventsTopic } from '../domain/index.js';
import type { Logger } from '../telemetry/index.js';
import { logRange, offsetsAt } from './offsets.js';
import { withAdmin } from './topics.js';

const WINDOW_MS = 60_000;
/** The first record of a young topic is placed to this. */
const EXACT_MS = 1_000;

/**
 * Records a second that came into the lanes in the last minute (housekeeping leaves them there for so long); into a topic
 * whose first record is younger, since then. Throws when the broker can't be reached.
 */
export async function readArrivals(config: Config, log: Logger): Promise<number> {
  return withAdmin(config, log, async (admin) => {
    const existing = new Set(await admin.listTopics());
    let perSecond = 0;
    for (const topic of config.PENSTOCK_LANES.map(imageEventsTopic).filter((name) => existing.has(name))) {
      const nowMs = Date.now();
      const range = [...(await logRange(admin, topic)).values()];
      const high = range.reduce((sum, one) => sum + one.high, 0n);
      const since = async (ms: number): Promise<number> => {
        const offsets = await offsetsAt(admin, topic, nowMs - ms);
        // What came after the end of the log was read is not counted.
        return Math.max(0, Number(high - [...offsets.values()].reduce((sum, offset) => sum + offset, 0n)));
      };
      perSecond += await rateOf(since, Number(high));
    }
    return perSecond;
  });
}

/** `since`: records of the last so many milliseconds; `ever`: records since the topic was made. */
export async function rateOf(since: (ms: number) => Promise<number>, ever: number): Promise<number> {
  const records = await since(WINDOW_MS);
  if (records === 0) return 0;
  let [none, all] = [0, WINDOW_MS];
  // All that ever came is younger than the window: the rate is that since the first record.
  if (records >= ever)
    while (all - none > EXACT_MS) {
      const middle = (none + all) / 2;
      if ((await since(middle)) >= records) all = middle;
      else none = middle;
    }
  return (records * 1000) / all;
}
