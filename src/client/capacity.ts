import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, WorkflowIdConflictPolicy, WorkflowNotFoundError } from '@temporalio/client';
import type { Config } from '../config/index.js';
import {
  CAPACITY_QUERIES,
  CAPACITY_SIGNALS,
  CAPACITY_UPDATES,
  CAPACITY_WORKFLOW_ID,
  LEASE_MARGIN_MS,
  ORCHESTRATION_QUEUE,
  type CapacitySettings,
  type CapacityState,
  type ChangeRecord,
  type ChangeRequest,
  type ShareReply,
  type ShareRequest,
  type WindowReply,
  type WindowRequest,
} from '../domain/index.js';

/** Bound on one call; milliseconds. */
const CALL_MS = 10_000;
/** Who does not answer a question within this time is nudged. */
const ANSWER_MS = 4_000;
/** What a change may take beyond the longest lease that it waits for. */
const CHANGE_EXTRA_MS = 15_000;
/** How often the state is asked about a change that is made and not in force everywhere. */
const CHANGE_ASK_MS = 1_000;

/** What the configuration says of the capacity. */
export function capacitySettings(config: Config): CapacitySettings {
  const weights = new Map(config.PENSTOCK_LANE_WEIGHTS.map((pair) => [pair.split('=')[0], Number(pair.split('=')[1])]));
  return {
    leaseMs: config.PENSTOCK_LEASE_MS,
    model: config.PENSTOCK_DEFAULT_MODEL,
    cap: config.PENSTOCK_CAP_IMAGES_PER_SECOND || null,
    planned: config.PENSTOCK_PLANNED_DETECTORS || null,
    lanes: config.PENSTOCK_LANES.map((lane) => ({
      ...{ lane, weight: weights.get(lane) ?? 1, express: lane === config.PENSTOCK_EXPRESS_LANE },
    })),
    window: config.PENSTOCK_WINDOW_BATCHES || null,
    budget: {
      imagesPerDay: config.PENSTOCK_BUDGET_IMAGES_PER_DAY ?? null,
      moneyPerDay: config.PENSTOCK_BUDGET_MONEY_PER_DAY ?? null,
      pricePerDetectorHour: config.PENSTOCK_DETECTOR_PRICE_PER_HOUR ?? null,
      currency: config.PENSTOCK_CURRENCY,
      timeZone: config.PENSTOCK_BUDGET_TIME_ZONE,
      expressBeyond: config.PENSTOCK_BUDGET_EXPRESS_BEYOND,
    },
  };
}

/**
 * Starts the workflow `capacity` where it does not run; one that runs and answers is left alone, without an event. One that
 * does not answer is nudged: nothing but updates come to it, whose workflow tasks a server holds in memory alone, and one
 * that stood still may have lost the one that all others wait for. Where somebody has terminated it, the new one goes on
 * from what the old one knew, or else gives nothing until all leases have run out.
 */
export async function ensureCapacity(client: Client, config: Config): Promise<void> {
  await client.withDeadline(Date.now() + CALL_MS, async () => {
    const handle = client.workflow.getHandle(CAPACITY_WORKFLOW_ID);
    const before = await handle.describe().catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    });
    if (before?.status.name === 'RUNNING') {
      const isAnswered = await readCapacity(client, ANSWER_MS).then(
        () => true,
        () => false,
      );
      if (!isAnswered) await handle.signal(CAPACITY_SIGNALS.nudge);
      return;
    }
    const settings = capacitySettings(config);
    const snapshot =
      before === undefined ? undefined : await handle.query<object>(CAPACITY_QUERIES.snapshot).catch(() => undefined);
    const quietUntilMs =
      before === undefined ? 0 : (before.closeTime?.getTime() ?? Date.now()) + settings.leaseMs + LEASE_MARGIN_MS;
    await client.workflow.start('capacity', start({ settings, quietUntilMs, snapshot }));
  });
}

/** Tells the workflow what the configuration says; starts it where it does not run. For the start of a role. */
export async function configureCapacity(client: Client, config: Config): Promise<void> {
  await ensureCapacity(client, config);
  const settings = capacitySettings(config);
  await client.withDeadline(Date.now() + CALL_MS, () =>
    client.workflow.getHandle(CAPACITY_WORKFLOW_ID).executeUpdate(CAPACITY_UPDATES.configure, { args: [settings] }),
  );
}

interface CapacityStart {
  settings: CapacitySettings;
  quietUntilMs: number;
  /** Of an execution that was closed. */
  snapshot?: object | undefined;
}

function start(input: CapacityStart) {
  return {
    workflowId: CAPACITY_WORKFLOW_ID,
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    taskQueue: ORCHESTRATION_QUEUE,
    args: [input],
    staticSummary: 'Cap, leases, window and budget of the fleet',
  };
}

/** Asks for a share of the cap. Throws when Temporal or an orchestrator does not answer within `timeoutMs`. */
export function askShare(client: Client, request: ShareRequest, timeoutMs = CALL_MS): Promise<ShareReply> {
  return update<ShareReply>(client, CAPACITY_UPDATES.share, request, timeoutMs);
}

/** Asks for places in the window. Throws like `askShare`. */
export function askWindow(client: Client, request: WindowRequest, timeoutMs = CALL_MS): Promise<WindowReply> {
  return update<WindowReply>(client, CAPACITY_UPDATES.window, request, timeoutMs);
}

/**
 * Changes cap, plan, pause or budget; resolves when every detector and dispatcher goes by it, or has no lease any more.
 * Throws WorkflowUpdateFailedError with a sentence for a change that can't be made. `inForceAtMs` is null where it is
 * made, and not everybody was heard to go by it in time.
 */
export async function changeCapacity(client: Client, request: ChangeRequest, leaseMs: number): Promise<ChangeRecord> {
  const boundMs = leaseMs + LEASE_MARGIN_MS + CHANGE_EXTRA_MS;
  const deadline = performance.now() + boundMs;
  let record = await update<ChangeRecord>(client, CAPACITY_UPDATES.change, request, boundMs);
  // An execution that had to continue as new answers early; the next one waits on.
  while (record.inForceAtMs === null && performance.now() + CHANGE_ASK_MS < deadline) {
    await sleep(CHANGE_ASK_MS);
    const { changes } = await readCapacity(client);
    record = changes.find(({ id }) => id === record.id) ?? record;
  }
  return record;
}

/** Cap, leases, window and budget as they are. Throws when Temporal or an orchestrator does not answer in time. */
export function readCapacity(client: Client, timeoutMs = CALL_MS): Promise<CapacityState> {
  return client.withDeadline(Date.now() + timeoutMs, () =>
    client.workflow.getHandle(CAPACITY_WORKFLOW_ID).query<CapacityState>(CAPACITY_QUERIES.state),
  );
}

function update<T>(client: Client, name: string, request: object, timeoutMs: number): Promise<T> {
  return client.withDeadline(Date.now() + timeoutMs, () =>
    client.workflow.getHandle(CAPACITY_WORKFLOW_ID).executeUpdate<T, [object]>(name, { args: [request] }),
  );
}
