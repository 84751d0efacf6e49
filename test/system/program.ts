import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { dataDirNow } from './pipeline.js';

const VERBS = fileURLToPath(new URL('verbs.mjs', import.meta.url));

interface Ended {
  id: number;
  code: number;
  stdout: string;
  stderr: string;
}

let host: ChildProcess | undefined;
let asked = 0;

interface Told {
  code: number;
  report: unknown;
}

/** Runs a verb with `--json` against the stack of the test, as a person would. Rejects with what it says on stderr. */
export async function penstock(...args: string[]): Promise<Told> {
  return alone(...args, '--data-dir', dataDirNow());
}

/** The same for a verb that asks no stack. */
export async function alone(...args: string[]): Promise<Told> {
  const { code, stdout, stderr } = await run([...args, '--json']);
  if (stdout === '') throw new Error(`exit code ${code}: ${stderr}`);
  return { code, report: JSON.parse(stdout) };
}

function run(args: readonly string[]): Promise<Ended> {
  const id = (asked += 1);
  const verbs = (host ??= startHost());
  return new Promise((resolve, reject) => {
    const hear = (ended: Ended): void => {
      if (ended.id === id) settle(() => resolve(ended));
    };
    const onExit = (): void =>
      settle(() => reject(new Error(`the process of the verbs ended under ${args.join(' ')}`)));
    const settle = (how: () => void): void => {
      verbs.off('message', hear).off('exit', onExit);
      how();
    };
    verbs.on('message', hear).on('exit', onExit);
    verbs.send({ id, args, environment: process.env });
  });
}

/** Ends with this process. */
function startHost(): ChildProcess {
  const started = fork(VERBS, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] });
  started.once('exit', () => (host = undefined));
  started.unref();
  started.channel?.unref();
  return started;
}
