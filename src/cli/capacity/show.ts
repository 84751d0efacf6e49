import { readCapacity } from '../../client/index.js';
import { EXIT } from '../verb.js';
import type { CapacityFlags } from './index.js';
import { capacityText } from './text.js';
import { withCapacity } from './withCapacity.js';

/** Shows cap, shares, window, budget and the last changes, and returns the exit code. */
export async function show(flags: CapacityFlags): Promise<number> {
  const state = await withCapacity(flags, ({ client }) => readCapacity(client));
  process.stdout.write(
    flags.json ? `${JSON.stringify(state, undefined, 2)}\n` : `${capacityText(state, Date.now())}\n`,
  );
  return EXIT.ok;
}
