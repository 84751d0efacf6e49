import type { Command } from 'commander';
import { ConfigError } from '../config/index.js';
import { StackError } from '../embedded/index.js';
import { OperationError, RequestError } from '../operations/errors.js';

/** The verb was asked for something that can't be: a wrong option, a folder that is not there. Exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** The verb could not do its task, and the message says all there is to say. Exit code 1. */
export class VerbError extends Error {
  override name = 'VerbError';
}

/** Exit codes of every verb. `pending`: not yet, ask again. */
export const EXIT = { ok: 0, failed: 1, misuse: 2, pending: 3 } as const;

/**
 * Runs a verb and ends the process with the exit code that it returns. What a person can put right is one sentence on
 * stderr; anything else is a defect and keeps its stack trace. Ends the process because clients keep connections open.
 */
export async function runVerb(action: () => Promise<number>): Promise<never> {
  let code: number;
  try {
    code = await action();
  } catch (error) {
    code = tell(error);
  }
  await flushed(process.stdout);
  process.exit(code);
}

/** Starts a role. From then on it ends its process itself: what comes back is what it could not be started with. */
export async function runRole(serve: () => Promise<void>): Promise<void> {
  try {
    await serve();
  } catch (error) {
    process.exit(tell(error));
  }
}

/** It was asked for wrongly, and nothing was tried. */
export function isMisuse(error: unknown): boolean {
  return [UsageError, RequestError, ConfigError].some((kind) => error instanceof kind);
}

/** Says on stderr what went wrong, and gives the exit code. */
function tell(error: unknown): number {
  process.stderr.write(`${isForPerson(error) ? error.message : describe(error)}\n`);
  return isMisuse(error) ? EXIT.misuse : EXIT.failed;
}

/** Wrong options end with exit code 2; commander's own is 1, which here means that something failed. */
export function withMisuseCode(command: Command): Command {
  return command.exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT.ok : EXIT.misuse));
}

function isForPerson(error: unknown): error is Error {
  return [UsageError, RequestError, VerbError, OperationError, StackError, ConfigError].some(
    (kind) => error instanceof kind,
  );
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** A pipe takes a long JSON in pieces; an exit before it took all would cut it. */
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}
