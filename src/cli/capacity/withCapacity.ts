import { WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { connectTemporal } from '../../client/index.js';
import type { Config } from '../../config/index.js';
import { reasonOf } from '../../telemetry/index.js';
import { findStack } from '../findStack.js';
import { UsageError, VerbError, isMisuse } from '../verb.js';
import type { CapacityFlags } from './index.js';

type Temporal = Awaited<ReturnType<typeof connectTemporal>>;

/** Connects to Temporal for `work`. Throws VerbError that says who does not answer, UsageError for a refused change. */
export async function withCapacity<T>(
  { dataDir }: CapacityFlags,
  work: (temporal: Temporal, config: Config) => Promise<T>,
): Promise<T> {
  const { config } = await findStack(dataDir);
  const temporal = await connectTemporal().catch((error: unknown) => {
    throw new VerbError(`Temporal does not answer: ${reasonOf(error)}`);
  });
  try {
    return await work(temporal, config).catch((error: unknown) => explain(error, temporal));
  } finally {
    await temporal.connection.close();
  }
}

async function explain(error: unknown, { connection }: Temporal): Promise<never> {
  if (isMisuse(error)) throw error;
  if (error instanceof WorkflowUpdateFailedError) throw new UsageError(reasonOf(error));
  if (error instanceof WorkflowNotFoundError)
    throw new VerbError('there is no workflow penstock-capacity: the orchestrator has not started it');
  const isThere = await connection
    .withDeadline(Date.now() + 2_000, () => connection.workflowService.getSystemInfo({}))
    .then(
      () => true,
      () => false,
    );
  throw new VerbError(
    isThere
      ? `no orchestrator answers for the capacity: ${reasonOf(error)}`
      : `Temporal does not answer: ${reasonOf(error)}`,
  );
}
