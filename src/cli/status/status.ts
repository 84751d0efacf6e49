import { setTimeout as sleep } from 'node:timers/promises';
import { lookAtStack } from '../../operations/index.js';
import { createLogger } from '../../telemetry/index.js';
import { findStack } from '../findStack.js';
import { EXIT } from '../verb.js';
import type { StatusFlags } from './index.js';
import { statusTable } from './text.js';

const WATCH_EVERY_MS = 2_000;

/** Shows the state of a stack and returns the exit code. */
export async function status(flags: StatusFlags): Promise<number> {
  const log = createLogger('status', 'silent');
  for (;;) {
    const report = await lookAtStack({ ...(await findStack(flags.dataDir)), log });
    if (flags.json) process.stdout.write(`${JSON.stringify(report, undefined, flags.watch ? undefined : 2)}\n`);
    else process.stdout.write(`${flags.watch ? '\x1b[2J\x1b[H' : ''}${statusTable(report)}\n`);
    if (!flags.watch) return report.healthy ? EXIT.ok : EXIT.failed;
    await sleep(WATCH_EVERY_MS);
  }
}
