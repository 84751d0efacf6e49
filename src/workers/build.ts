import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { WorkerOptions } from '@temporalio/worker';
import type { Config } from '../config/index.js';
import { ORCHESTRATOR_DEPLOYMENT } from '../domain/index.js';
import { programVersion } from '../service/index.js';

/** Where the build puts the bundle of all workflows. */
export const WORKFLOW_BUNDLE = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));
/** The same for workers that take part in worker versioning. */
export const VERSIONED_BUNDLE = fileURLToPath(new URL('../workflow-bundle.versioned.js', import.meta.url));

/** What makes a worker one of a build: the code of its workflows, and the version that it says it is of. */
export interface WorkflowBuild {
  /** Undefined where worker versioning is off. */
  buildId: string | undefined;
  options: Pick<WorkerOptions, 'workflowBundle' | 'workerDeploymentOptions'>;
}

/** The build of this program, as the configuration wants it to appear. Throws where the program was not built. */
export async function workflowBuild(config: Config): Promise<WorkflowBuild> {
  const isVersioned = config.PENSTOCK_WORKER_VERSIONING;
  const codePath = isVersioned ? VERSIONED_BUNDLE : WORKFLOW_BUNDLE;
  if (!existsSync(codePath)) throw new Error(`${codePath} is missing: run npm run build`);
  if (!isVersioned) return { buildId: undefined, options: { workflowBundle: { codePath } } };
  const buildId = config.PENSTOCK_BUILD_ID ?? (await ownBuildId(codePath));
  return {
    buildId,
    options: {
      workflowBundle: { codePath },
      workerDeploymentOptions: {
        version: { deploymentName: ORCHESTRATOR_DEPLOYMENT, buildId },
        useWorkerVersioning: true,
        defaultVersioningBehavior: 'AUTO_UPGRADE',
      },
    },
  };
}

/** The version of the package and a hash of the workflows: another one where their code is another. */
async function ownBuildId(codePath: string): Promise<string> {
  const hash = createHash('sha256').update(await readFile(codePath));
  return `${programVersion()}-${hash.digest('hex').slice(0, 12)}`;
}
