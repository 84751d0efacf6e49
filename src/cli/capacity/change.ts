import { changeCapacity, readCapacity } from '../../client/index.js';
import { LEASE_MARGIN_MS, type CapacityChange, type CapacityState, type ChangeRecord } from '../../domain/index.js';
import { EXIT } from '../verb.js';
import { who } from '../who.js';
import type { ChangeFlags } from './index.js';
import { valueText } from './text.js';
import { withCapacity } from './withCapacity.js';

const BY_DEFAULT = 'by penstock capacity';

/** Makes a change, waits until it is in force, says what was and what is, and returns the exit code. */
export async function change(read: (model: string) => Promise<CapacityChange>, flags: ChangeFlags): Promise<number> {
  const { record, state } = await withCapacity(flags, async ({ client }, config) => {
    const request = {
      change: await read(flags.model ?? config.PENSTOCK_DEFAULT_MODEL),
      who: who(),
      why: flags.why ?? BY_DEFAULT,
    };
    const made = await changeCapacity(client, request, config.PENSTOCK_LEASE_MS);
    return { record: made, state: made.inForceAtMs === null ? await readCapacity(client) : undefined };
  });
  process.stdout.write(
    flags.json ? `${JSON.stringify({ change: record }, undefined, 2)}\n` : `${changeText(record, state)}\n`,
  );
  return EXIT.ok;
}

/** `state`: to name those that do not go by a change that is not in force. */
export function changeText(record: ChangeRecord, state?: CapacityState): string {
  const { kind, model, before, after, changedAtMs, inForceAtMs } = record;
  const of = model === '' ? kind : `${kind} of ${model}`;
  const what = `${of}: ${valueText(kind, before)} -> ${valueText(kind, after)}`;
  if (inForceAtMs !== null) return `${what}\nin force after ${((inForceAtMs - changedAtMs) / 1000).toFixed(1)} s`;
  const late = state === undefined ? [] : holdersOf(state).filter(({ expiresAtMs }) => expiresAtMs > changedAtMs);
  const lines = late.map(
    ({ holder, expiresAtMs }) =>
      `  ${holder}: has no lease any more at ${new Date(expiresAtMs + LEASE_MARGIN_MS).toISOString()} at the latest, unless it renews it`,
  );
  return [what, 'not in force everywhere yet; these have not said that they go by it:', ...lines].join('\n');
}

function holdersOf({ models, window }: CapacityState): { holder: string; expiresAtMs: number }[] {
  return [...models.flatMap(({ holders }) => holders), ...window.holders];
}
