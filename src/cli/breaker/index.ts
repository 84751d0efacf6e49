import { Command } from 'commander';
import { runVerb, withMisuseCode } from '../verb.js';

export interface BreakerFlags {
  dataDir?: string;
  json?: boolean;
}

export interface DecisionFlags extends BreakerFlags {
  model: string;
  why: string;
}

/** `penstock breaker`: which sources are held, and why; holds one, or lets it go on, by hand. */
export function breakerCommand(): Command {
  const command = withMisuseCode(new Command('breaker')).description(
    'circuit breakers: which sources are held and why; holds one, or lets it go on, by hand',
  );
  const verb = (name: string, description: string): Command =>
    withMisuseCode(command.command(name))
      .description(description)
      .option('--data-dir <folder>', 'the stack on this folder; default: what the environment (PENSTOCK_*) points at')
      .option('--json', 'prints the open breakers as JSON');
  verb('list', 'shows the open breakers')
    .addHelpText('after', '\nExit code: 0 when none is open; 1 when one is, or Temporal does not answer.')
    .action(async (flags: BreakerFlags) => {
      await runVerb(async () => (await import('./breaker.js')).listBreakers(flags));
    });
  const decision = (name: string, description: string, open: boolean): void => {
    verb(name, description)
      .argument('<gs-url>', 'gs://bucket')
      .requiredOption('--model <name>', 'the model under which the bucket is meant')
      .requiredOption('--why <text>', 'who does it and why; it is kept with the breaker')
      .action(async (url: string, flags: DecisionFlags) => {
        await runVerb(async () => (await import('./breaker.js')).decide(url, open, flags));
      });
  };
  decision('close', 'lets a source go on; what is held goes back to its lane', false);
  decision('open', 'holds a source until it is closed by hand; nothing probes it', true);
  return command;
}
