import { isGrpcServiceError } from '@temporalio/client';
import { NO_BUILD, ORCHESTRATOR_DEPLOYMENT } from '../domain/index.js';
import type { TemporalClient } from './connect.js';

/** A build of the orchestrators, as Temporal knows it. */
export interface Build {
  buildId: string;
  /** New batches begin on it. */
  isCurrent: boolean;
  /** Some new batches begin on it: somebody has ramped it up by Temporal's own means. */
  isRamping: boolean;
  /** Open batches, and images that somebody waits for, that end on it. */
  pinned: number;
  firstSeenMs: number | null;
}

/** Bound on one call; milliseconds. */
const CALL_MS = 10_000;
/** gRPC status codes (https://grpc.io/docs/guides/status-codes/). */
const NOT_FOUND = 5;
const FAILED_PRECONDITION = 9;

/** What can't be done with a build, as a sentence. */
export class BuildError extends Error {
  override name = 'BuildError';
}

/** The builds that are known, the newest first; none where worker versioning has never been on. */
export async function listBuilds(temporal: TemporalClient): Promise<Build[]> {
  const deployment = await describe(temporal);
  const { currentDeploymentVersion: current, rampingDeploymentVersion: ramping } = deployment?.routingConfig ?? {};
  const builds: Build[] = [];
  for (const { deploymentVersion, createTime } of deployment?.versionSummaries ?? []) {
    const buildId = deploymentVersion?.buildId;
    if (!buildId) continue;
    builds.push({
      buildId,
      isCurrent: buildId === current?.buildId,
      isRamping: buildId === ramping?.buildId,
      pinned: await countPinned(temporal, buildId),
      firstSeenMs: createTime?.seconds ? Number(createTime.seconds) * 1000 : null,
    });
  }
  return builds.sort((a, b) => (b.firstSeenMs ?? 0) - (a.firstSeenMs ?? 0));
}

/**
 * New batches begin on this build from now on, and what is long-lived moves to it; `NO_BUILD` means orchestrators
 * without worker versioning. Throws BuildError where no orchestrator of it runs.
 */
export async function promoteBuild(temporal: TemporalClient, buildId: string): Promise<void> {
  const build = buildId === NO_BUILD ? '' : buildId;
  try {
    await setCurrent(temporal, { buildId: build, allowNoPollers: build === '', ignoreMissingTaskQueues: build === '' });
  } catch (error) {
    if (isRefused(error, NOT_FOUND, FAILED_PRECONDITION))
      throw new BuildError(`no orchestrator of build ${buildId} runs: ${error.message}`, { cause: error });
    throw error;
  }
}

/**
 * Makes this build the current one where none has ever been: else nothing would run before somebody promotes the first.
 * Where somebody has said `NO_BUILD`, that stands. Throws until the server knows the build, which is when its first
 * worker polls.
 */
export async function takeOverUnlessTaken(temporal: TemporalClient, buildId: string): Promise<void> {
  const deployment = await describe(temporal);
  if (!deployment?.versionSummaries?.some(({ deploymentVersion }) => deploymentVersion?.buildId === buildId))
    throw new BuildError(`build ${buildId} is not known yet`);
  const { currentDeploymentVersion: current, currentVersionChangedTime: decidedAt } = deployment.routingConfig ?? {};
  if (current?.buildId || decidedAt) return;
  await setCurrent(temporal, { buildId, conflictToken: deployment.conflictToken });
}

/** Batches that can end on no other build. The count follows within a second or so. */
function countPinned({ client }: TemporalClient, buildId: string): Promise<number> {
  const query =
    `TemporalWorkerDeploymentVersion = '${ORCHESTRATOR_DEPLOYMENT}:${buildId}'` +
    " AND TemporalWorkflowVersioningBehavior = 'Pinned' AND ExecutionStatus = 'Running'";
  return client.withDeadline(Date.now() + CALL_MS, async () => (await client.workflow.count(query)).count);
}

async function describe({ connection, namespace }: TemporalClient) {
  try {
    return await connection.withDeadline(Date.now() + CALL_MS, async () => {
      const { workerDeploymentInfo, conflictToken } = await connection.workflowService.describeWorkerDeployment({
        namespace,
        deploymentName: ORCHESTRATOR_DEPLOYMENT,
      });
      return { ...workerDeploymentInfo, conflictToken };
    });
  } catch (error) {
    if (isRefused(error, NOT_FOUND)) return undefined;
    throw error;
  }
}

interface CurrentChange {
  buildId: string;
  conflictToken?: Uint8Array;
  allowNoPollers?: boolean;
  ignoreMissingTaskQueues?: boolean;
}

async function setCurrent({ connection, namespace }: TemporalClient, change: CurrentChange): Promise<void> {
  await connection.withDeadline(Date.now() + CALL_MS, () =>
    connection.workflowService.setWorkerDeploymentCurrentVersion({
      ...{ namespace, deploymentName: ORCHESTRATOR_DEPLOYMENT, ...change },
    }),
  );
}

/** Whether the server refused a call for one of these reasons. */
function isRefused(error: unknown, ...codes: number[]): error is Error {
  return isGrpcServiceError(error) && codes.includes(error.code);
}
