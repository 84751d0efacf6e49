import { readImageName, whereIs, type ImageReport, type ImageState } from '../../operations/index.js';
import { createLogger } from '../../telemetry/index.js';
import { findStack } from '../findStack.js';
import { EXIT } from '../verb.js';
import type { ImageFlags } from './index.js';
import { reportText } from './text.js';

/** Says where an image is and returns the exit code. */
export async function whereIsImage(text: string, flags: ImageFlags): Promise<number> {
  const name = readImageName(text);
  const { config, endpoints } = await findStack(flags.dataDir);
  const log = createLogger('image', 'silent');
  const report = await whereIs(name, { config, temporalUi: endpoints?.temporalUi, log });
  process.stdout.write(flags.json ? `${JSON.stringify(report, undefined, 2)}\n` : `${reportText(report)}\n`);
  return exitCodeOf(report);
}

/** By the generation in the bucket; where that is none of those listed, by the newest. */
function exitCodeOf({ images, neverReceived: never }: ImageReport): number {
  if (never) return never.mayYetCome ? EXIT.pending : EXIT.failed;
  const current = images.filter((image) => image.current);
  const newest = images.filter(({ generation }) => generation === images[0]?.generation);
  return exitCode((current.length > 0 ? current : newest).map(({ state }) => state));
}

/** The exit code for what is listed of the generation that counts. */
export function exitCode(states: readonly ImageState[]): number {
  if (states.length === 0 || states.some((state) => ['dead', 'lost', 'unknown'].includes(state))) return EXIT.failed;
  return states.every((state) => state === 'detected') ? EXIT.ok : EXIT.pending;
}
