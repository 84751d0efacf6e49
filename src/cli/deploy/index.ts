import { Command } from 'commander';
import { runVerb, withMisuseCode } from '../verb.js';

export interface DeployFlags {
  dataDir?: string;
  json?: boolean;
}

/** `penstock deploy`: which builds of the orchestrators there are, which one is current, which may be taken away. */
export function deployCommand(): Command {
  const command = withMisuseCode(new Command('deploy')).description(
    'builds of the orchestrators (PENSTOCK_WORKER_VERSIONING): which one is current, and which may be taken away',
  );
  const verb = (name: string, description: string): Command =>
    withMisuseCode(command.command(name))
      .description(description)
      .option('--data-dir <folder>', 'the stack on this folder; default: what the environment (PENSTOCK_*) points at')
      .option('--json', 'prints the builds as JSON');
  verb('list', 'shows the builds and how many open batches end on each').action(async (flags: DeployFlags) => {
    await runVerb(async () => (await import('./deploy.js')).list(flags));
  });
  verb('promote', 'new batches begin on this build; those that are open end on theirs')
    .argument('<build>', "its id; 'none' for orchestrators without worker versioning")
    .addHelpText('after', '\nExit code: 0 when it is current; 1 when no orchestrator of it runs.')
    .action(async (buildId: string, flags: DeployFlags) => {
      await runVerb(async () => (await import('./deploy.js')).promote(buildId, flags));
    });
  verb('drained', 'says whether the orchestrators of a build may be taken away')
    .argument('<build>', 'its id')
    .addHelpText(
      'after',
      '\nExit code: 0 when no open batch needs it; 3 while one does, or while new ones begin on it; 1 when it is not known or Temporal does not answer.',
    )
    .action(async (buildId: string, flags: DeployFlags) => {
      await runVerb(async () => (await import('./deploy.js')).drained(buildId, flags));
    });
  return command;
}
