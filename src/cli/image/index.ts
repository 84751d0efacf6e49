import { Command } from 'commander';
import { runVerb, withMisuseCode } from '../verb.js';

export interface ImageFlags {
  dataDir?: string;
  json?: boolean;
}

/** `penstock image`: where one picture is, and why. */
export function imageCommand(): Command {
  return withMisuseCode(new Command('image'))
    .description('says where a picture is, why, what was found in it, and what to do')
    .argument('<image>', 'gs://bucket/object, or gs://bucket/object#generation for one of its generations')
    .option('--data-dir <folder>', 'the stack on this folder; default: what the environment (PENSTOCK_*) points at')
    .option('--json', 'prints all that is known of it as JSON')
    .addHelpText('after', HELP)
    .action(async (image: string, flags: ImageFlags) => {
      await runVerb(async () => {
        const { whereIsImage } = await import('./image.js');
        return whereIsImage(image, flags);
      });
    });
}

const HELP = `
Each generation of the object is listed, the newest first, under each model.
Exit code, by the generation in the bucket (else the newest that is known): 0 when it is detected; 3 while it is on its
way; 1 when it is dead, lost or was never received, or when that could not be found out; 2 when no image was named.`;
