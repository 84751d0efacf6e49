import { type Client, WorkflowIdConflictPolicy, WorkflowNotFoundError } from '@temporalio/client';
import type { Config } from '../config/index.js';
import {
  BREAKER_QUERY,
  BREAKER_SIGNALS,
  BREAKER_WORKFLOW_ID,
  ORCHESTRATION_QUEUE,
  type BreakerDecision,
  type BreakerSettings,
  type BreakerState,
} from '../domain/index.js';

/** Bound on one call; milliseconds. */
const CALL_MS = 10_000;
/** Longest wait between two probes. */
const MAX_PROBE_MS = 10 * 60_000;

/** Starts the workflow of the circuit breakers where it does not run; one that runs is left alone, without an event. */
export async function ensureBreaker(client: Client, config: Config): Promise<void> {
  await client.withDeadline(Date.now() + CALL_MS, () => client.workflow.start('breaker', breakerStart(config)));
}

/** The same, and tells the one that runs what the configuration says. For the start of a role. */
export async function configureBreaker(client: Client, config: Config): Promise<void> {
  const signal = { signal: BREAKER_SIGNALS.settings, signalArgs: [settingsOf(config)] };
  await client.withDeadline(Date.now() + CALL_MS, () =>
    client.workflow.signalWithStart('breaker', { ...breakerStart(config), ...signal }),
  );
}

function breakerStart(config: Config) {
  return {
    workflowId: BREAKER_WORKFLOW_ID,
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    taskQueue: ORCHESTRATION_QUEUE,
    args: [{ settings: settingsOf(config), open: [], seen: [] }],
    staticSummary: 'Circuit breakers of all sources',
  };
}

function settingsOf(config: Config): BreakerSettings {
  return {
    minImages: config.PENSTOCK_BREAKER_MIN_IMAGES,
    probeMs: config.PENSTOCK_BREAKER_PROBE_MS,
    maxProbeMs: Math.max(MAX_PROBE_MS, config.PENSTOCK_BREAKER_PROBE_MS),
  };
}

/**
 * Which sources are held, and why. Nothing is where the workflow does not run. Throws when Temporal does not answer, or
 * no orchestrator, within `timeoutMs` (default 10,000).
 */
export async function readBreakers(client: Client, timeoutMs = CALL_MS): Promise<BreakerState> {
  try {
    return await client.withDeadline(Date.now() + timeoutMs, () =>
      client.workflow.getHandle(BREAKER_WORKFLOW_ID).query<BreakerState>(BREAKER_QUERY),
    );
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { open: [] };
    throw error;
  }
}

/** Opens or closes the breaker of a source by hand. Throws when its workflow does not run. */
export async function decideBreaker(client: Client, decision: BreakerDecision): Promise<void> {
  await client.withDeadline(Date.now() + CALL_MS, () =>
    client.workflow.getHandle(BREAKER_WORKFLOW_ID).signal(BREAKER_SIGNALS.decide, decision),
  );
}
