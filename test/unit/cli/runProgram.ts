import { vi } from 'vitest';
import { program } from '../../../src/cli/program.js';

/** Runs the program in this process, as `penstock …`; gives the exit code and what it printed. */
export async function runProgram(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const printed = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    vi.spyOn(process[stream], 'write').mockImplementation((text, ...rest) => {
      printed[stream] += String(text);
      const done = rest.find((one) => typeof one === 'function');
      done?.();
      return true;
    });
  const code = await new Promise<number>((resolve, reject) => {
    vi.spyOn(process, 'exit').mockImplementation((exitCode) => {
      resolve(Number(exitCode));
      // As a process that ends: nothing after it runs.
      throw new Error('exit');
    });
    program()
      .parseAsync(['node', 'penstock', ...args])
      .catch((error: unknown) => {
        const reason = error instanceof Error ? error : new Error(String(error));
        if (reason.message !== 'exit') reject(reason);
      });
  });
  vi.restoreAllMocks();
  return { code, ...printed };
}
