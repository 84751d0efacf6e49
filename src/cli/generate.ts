/**
 * `node dist/cli/generate.js` writes schemas/, docs/configuration.md, docs/logs.md,
 * docs/metrics.md and docs/reasons.md from the types that the program
 * uses. `--check` writes nothing and exits with 1 when a file is out of date.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generatedFiles } from './generatedFiles.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const check = process.argv.includes('--check');

for (const { path, content } of generatedFiles()) {
  const file = join(root, path);
  if (readIfThere(file) === content) continue;
  if (check) {
    console.error(`${path} is out of date: run \`node dist/cli/generate.js\``);
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    console.log(`wrote ${path}`);
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
