import { setTimeout as sleep } from 'node:timers/promises';
import type { Warehouse } from '../../../warehouse/index.js';
import { countRawRows, type RunInTables } from '../landing.js';
import { startSending } from '../send.js';
import type { Target } from '../target.js';
import { surgePictures } from './pictures.js';
import { uploadQuietly } from './quietUpload.js';
import { raiseEvents } from './raise.js';

/** Some model runs for each child process of a detector. */
const PICTURES = 32;
/** At a small cap fewer, so that they take no longer than this. */
const SECONDS = 4;
/** The surge begins without them after so long: if nothing is detected, it will say so. */
const LIMIT_MS = 60_000;
const LOOK_MS = 250;

/**
 * A few pictures that go through before the surge, at the cap, under a prefix of their own. A process that does its first
 * work is slow; what a surge shows is how one that is at work meets it.
 */
export async function goAhead(
  target: Target,
  { cap, warehouse, run, signal }: { cap: number; warehouse: Warehouse; run: RunInTables; signal: AbortSignal },
): Promise<void> {
  const pictures = await surgePictures(Math.max(1, Math.min(PICTURES, Math.floor(SECONDS * cap))), signal);
  const uploads = await uploadQuietly(target, pictures, { prefix: run.prefix, signal });
  const token = target.config.PENSTOCK_INTAKE_BEARER_TOKENS[0];
  await raiseEvents(uploads, { intake: target.intake, token, perSecond: cap, sending: startSending(), signal });
  const deadline = performance.now() + LIMIT_MS;
  while ((await countRawRows(warehouse, run)) < pictures.length && performance.now() < deadline)
    await sleep(LOOK_MS, undefined, { signal });
}
