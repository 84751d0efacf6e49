import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import { VERSIONED_BUNDLE, WORKFLOW_BUNDLE } from './build.js';

/** Part of the build: bundles the workflows once, so that a worker starts fast and every replica runs the same code. */
for (const [file, entry] of [
  [WORKFLOW_BUNDLE, '../workflows/index.js'],
  [VERSIONED_BUNDLE, '../workflows/versioned.js'],
] as const) {
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL(entry, import.meta.url)),
    logger: {
      log: () => undefined,
      trace: () => undefined,
      debug: () => undefined,
      info: () => undefined,
      warn: complain,
      error: complain,
    },
  });
  await writeFile(file, code);
}

function complain(message: string): void {
  process.stderr.write(`${message}\n`);
}
