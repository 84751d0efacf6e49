import { Command } from 'commander';
import { runVerb, withMisuseCode } from '../verb.js';

export interface CalibrateFlags {
  model?: string;
  pictures?: string;
  gs?: string;
  latencyMs: string;
  provider?: string;
  out: string;
  quick?: boolean;
  json?: boolean;
}

/** `penstock calibrate`: what this machine and a model sustain. */
export function calibrateCommand(): Command {
  return withMisuseCode(new Command('calibrate'))
    .description('measures what this machine and a model sustain, and writes it for the detector')
    .option('--model <model>', 'a name or a folder; default: PENSTOCK_MODEL_DIR, else the shapes model')
    .option('--pictures <folder>', 'pictures to measure with; default: generated scenes')
    .option('--gs <gs-url>', 'gs://bucket or gs://bucket/prefix: downloads from there, as a detector would')
    .option('--latency-ms <ms>', 'bound on the 95th percentile of the latency of an image', '1000')
    .option('--provider <name>', 'execution provider; default: PENSTOCK_EXECUTION_PROVIDER')
    .option('--out <file>', 'where the capacity goes', 'capacity.json')
    .option('--quick', 'fewer points, held for a shorter time')
    .option('--json', 'prints the capacity as JSON')
    .addHelpText('after', HELP)
    .action(async (flags: CalibrateFlags) => {
      await runVerb(async () => {
        const { runCalibration } = await import('./calibrate.js');
        return runCalibration(flags);
      });
    });
}

const HELP = `
Takes every core (and the device) of the machine: run nothing beside it. A detector whose PENSTOCK_CAPACITY_FILE names the
file takes slots, batch, child processes and rate from it, the rate times PENSTOCK_CAPACITY_HEADROOM.
Exit code: 0 when it was measured; 1 when it could not be; 2 for a model, picture, option or provider that is not there.`;
