import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import { WORKFLOW_BUNDLE } from './factory.js';

/** Part of the build: bundles the workflows once, so that a worker starts fast and every replica runs the same code. */
const { code } = await bundleWorkflowCode({
  workflowsPath: fileURLToPath(new URL('../workflows/index.js', import.meta.url)),
  logger: {
    log: () => undefined,
    trace: () => undefined,
    debug: () => undefined,
    info: () => undefined,
    warn: complain,
    error: complain,
  },
});
await writeFile(WORKFLOW_BUNDLE, code);

function complain(message: string): void {
  process.stderr.write(`${message}\n`);
}
