import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Runs a verb with `--json` against the stack of the tests, as a person would. Rejects with what it says on stderr. */
export function penstock(...args: string[]): Promise<{ code: number; report: unknown }> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [MAIN, ...args, '--data-dir', inject('dataDir'), '--json'], (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code);
      if (stdout === '') reject(new Error(`exit code ${code}: ${stderr}`));
      else resolve({ code, report: JSON.parse(stdout) });
    });
  });
}
