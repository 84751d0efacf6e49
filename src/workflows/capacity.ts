import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import {
  CAPACITY_QUERIES,
  CAPACITY_SIGNALS,
  CAPACITY_UPDATES,
  describeCapacity,
  LEASE_MARGIN_MS,
  type CapacitySettings,
  type CapacityState,
  type ChangeRecord,
  type ChangeRequest,
  type ShareReply,
  type ShareRequest,
  type WindowReply,
  type WindowRequest,
} from '../domain/capacity.js';
import type { OrchestrationActivities } from '../domain/index.js';
import { CapacityBoard } from './capacity/board.js';
import { newCapacity, type CapacitySnapshot, type PendingChange } from './capacity/snapshot.js';

export const shareUpdate = defineUpdate<ShareReply, [ShareRequest]>(CAPACITY_UPDATES.share);
export const windowUpdate = defineUpdate<WindowReply, [WindowRequest]>(CAPACITY_UPDATES.window);
export const changeUpdate = defineUpdate<ChangeRecord, [ChangeRequest]>(CAPACITY_UPDATES.change);
export const configureUpdate = defineUpdate<number, [CapacitySettings]>(CAPACITY_UPDATES.configure);
export const nudgeSignal = defineSignal(CAPACITY_SIGNALS.nudge);
export const capacityQuery = defineQuery<CapacityState>(CAPACITY_QUERIES.state);
/** All of it, to begin another execution with should this one be terminated. */
export const snapshotQuery = defineQuery<CapacitySnapshot>(CAPACITY_QUERIES.snapshot);

const { recordCapacityChanges } = proxyActivities<OrchestrationActivities>({
  startToCloseTimeout: '30 seconds',
  scheduleToStartTimeout: '1 minute',
  retry: { maximumAttempts: 5, initialInterval: '1 second', maximumInterval: '30 seconds' },
});

/** Changes that wait to be in force at once: the server lets ten updates run, and leases must go on being renewed. */
const MOST_CHANGING = 3;
/** Changes that are written together, and the pause after the table took none. */
const RECORDS = 100;
const RECORD_AGAIN = '1 minute';

/**
 * Who may infer how much, and who may keep how many batches open, in one execution that never ends. Detectors and
 * dispatchers renew their leases by updates; people change cap, plan, pause and budget by an update that returns once
 * every holder goes by it. What no one asks for needs no timer: leases and days are held against the clock by the next
 * who asks.
 */
export async function capacity(input: CapacityInput): Promise<void> {
  const board = new CapacityBoard(snapshotOf(input));
  const { firstExecutionRunId } = workflowInfo();
  let changing = 0;
  const describe = (): void => setCurrentDetails(describeCapacity(board.state(Date.now())));

  setHandler(shareUpdate, (request) => board.share(request, Date.now()), {
    validator: (request: ShareRequest) => board.checkShare(request),
  });
  setHandler(windowUpdate, (request) => board.window(request, Date.now()), {
    validator: (request: WindowRequest) => board.checkWindow(request),
  });
  /** Waits until every holder goes by a change. What this execution has no time for, the next one waits for. */
  const untilInForce = async ({ record, revision }: PendingChange): Promise<ChangeRecord> => {
    const isOver = (): boolean => board.isInForce(revision) || workflowInfo().continueAsNewSuggested;
    // Whoever does not answer has no lease any more by then.
    await condition(isOver, board.longestLeaseMs(Date.now()) + LEASE_MARGIN_MS);
    board.advance(Date.now());
    const done = board.isInForce(revision) ? board.inForce(record, Date.now()) : record;
    describe();
    return done;
  };

  setHandler(
    changeUpdate,
    async (request) => {
      const record = board.change(request, (count) => `${firstExecutionRunId}/${count}`, Date.now());
      describe();
      changing += 1;
      const done = await untilInForce({ record, revision: board.revision });
      changing -= 1;
      return done;
    },
    {
      validator: (request: ChangeRequest) => {
        if (changing >= MOST_CHANGING) throw new RangeError('other changes are not in force yet: try again');
        board.checkChange(request);
      },
    },
  );
  setHandler(configureUpdate, (settings) => {
    board.configure(settings, Date.now());
    describe();
    return board.revision;
  });
  setHandler(nudgeSignal, () => undefined);
  setHandler(capacityQuery, () => board.state(Date.now()));
  setHandler(snapshotQuery, () => board.snapshot());
  describe();
  for (const change of board.pending) void untilInForce(change);

  while (!workflowInfo().continueAsNewSuggested) {
    await condition(() => board.unrecorded.length > 0 || workflowInfo().continueAsNewSuggested);
    await record(board);
  }
  // An update that waits for its change to be in force is answered first.
  await condition(allHandlersFinished);
  await continueAsNew<typeof capacity>({ settings: board.settings, quietUntilMs: 0, snapshot: board.snapshot() });
}

export interface CapacityInput {
  settings: CapacitySettings;
  /** Where leases are lost: nothing new is given until then. */
  quietUntilMs: number;
  /** Of the execution that this one follows. */
  snapshot?: CapacitySnapshot;
}

function snapshotOf({ settings, quietUntilMs, snapshot }: CapacityInput): CapacitySnapshot {
  return snapshot === undefined ? newCapacity(settings, quietUntilMs) : snapshot;
}

/** Writes changes to their table; those that it does not take stay, and continue as new with the rest. */
async function record(board: CapacityBoard): Promise<void> {
  const changes = board.unrecorded.slice(0, RECORDS);
  if (changes.length === 0) return;
  const isFull = (): boolean => workflowInfo().continueAsNewSuggested;
  let outcome: 'written' | 'failed' | undefined;
  const scope = new CancellationScope();
  void scope
    .run(() => recordCapacityChanges(changes))
    .then(
      () => (outcome = 'written'),
      () => (outcome = 'failed'),
    );
  // While a table that hangs is waited for, few updates are left to an execution that has had its share of them.
  await condition(() => outcome !== undefined || isFull());
  if (outcome === 'written') board.recorded(changes.length);
  else if (outcome === 'failed') await condition(isFull, RECORD_AGAIN);
  else scope.cancel();
}
