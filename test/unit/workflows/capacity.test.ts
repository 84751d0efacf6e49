import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type {
  CapacitySettings,
  CapacityState,
  ChangeRecord,
  ChangeRequest,
  ShareRequest,
} from '../../../src/domain/index.js';
import { CAPACITY_QUERIES } from '../../../src/domain/index.js';
import type { CapacityInput } from '../../../src/workflows/capacity.js';
import { capacity } from '../../../src/workflows/capacity.js';

interface Handler {
  handle: (...args: unknown[]) => unknown;
  validator?: (...args: unknown[]) => void;
}

interface World {
  handlers: Map<string, unknown>;
  isFull: boolean;
  record: () => Promise<void>;
  cancelled: number;
  next?: CapacityInput;
}

const world = vi.hoisted((): World => ({
  ...{ handlers: new Map(), isFull: false, record: () => Promise.resolve(), cancelled: 0 },
}));

// What the workflow uses of Temporal, with conditions that are looked at in every turn and never time out.
vi.mock('@temporalio/workflow', async (original) => ({
  ...(await original<object>()),
  CancellationScope: class {
    run<T>(work: () => Promise<T>): Promise<T> {
      return work();
    }
    cancel(): void {
      world.cancelled += 1;
    }
  },
  allHandlersFinished: () => true,
  condition: async (holds: () => boolean) => {
    while (!holds()) await turn();
    return true;
  },
  continueAsNew: (input: CapacityInput) => {
    world.next = input;
    return Promise.resolve();
  },
  proxyActivities: () => ({ recordCapacityChanges: () => world.record() }),
  setCurrentDetails: () => undefined,
  setHandler: ({ name }: { name: string }, handle: Handler['handle'], options: object = {}) =>
    world.handlers.set(name, { handle, ...options }),
  workflowInfo: () => ({ firstExecutionRunId: 'run', continueAsNewSuggested: world.isFull }),
}));

const SETTINGS: CapacitySettings = {
  ...{ model: 'shapes', cap: 50, planned: null, leaseMs: 30_000, window: 0 },
  lanes: [{ lane: 'bulk', weight: 1, express: false }],
  budget: {
    ...{ imagesPerDay: null, moneyPerDay: null, pricePerDetectorHour: null },
    ...{ currency: 'EUR', timeZone: 'UTC', expressBeyond: false },
  },
};
const SHARE: ShareRequest = {
  ...{ holder: 'one', seq: 1, model: 'shapes', most: null, slots: 1, rate: 0, revision: 0 },
  ...{ budget: { day: '', used: 0, limit: 0 }, waiting: { express: 0, bulk: 1 } },
};
const change = (cap: number): ChangeRequest => ({ change: { set: { model: 'shapes', cap } }, who: 'a', why: 'b' });
const handlerOf = (name: string): Handler => world.handlers.get(name) as Handler;

beforeEach(() => {
  Object.assign(world, { isFull: false, record: () => Promise.resolve(), cancelled: 0 });
  delete world.next;
});

describe('the workflow of the capacity', () => {
  it('continues as new while the table of changes hangs, and takes along what is not in it', async () => {
    world.record = () => new Promise(() => undefined);
    const running = capacity({ settings: SETTINGS, quietUntilMs: 0 });
    await handlerOf('change').handle(change(30));
    world.isFull = true;
    await running;
    expect(world.next?.snapshot?.unrecorded.map(({ after, inForceAtMs }) => [after, inForceAtMs === null])).toEqual([
      ['30', true],
      ['30', false],
    ]);
    expect(world.cancelled).toBe(1);
  });

  it('lets three changes wait for a holder that does not answer, so that updates are left for leases', async () => {
    const running = capacity({ settings: SETTINGS, quietUntilMs: 0 });
    handlerOf('share').handle(SHARE);
    const { handle, validator } = handlerOf('change');
    const changes = [30, 31, 32].map((cap) => {
      validator?.(change(cap));
      return handle(change(cap));
    });
    expect(() => validator?.(change(33))).toThrow('other changes are not in force yet: try again');
    const { revision } = handlerOf('share').handle({ ...SHARE, seq: 2 }) as { revision: number };
    handlerOf('share').handle({ ...SHARE, seq: 3, rate: 32, revision });
    await Promise.all(changes);
    expect(() => validator?.(change(33))).not.toThrow();
    world.isFull = true;
    await running;
  });

  it('goes on waiting for a change to be in force after it has continued as new', async () => {
    const running = capacity({ settings: SETTINGS, quietUntilMs: 0 });
    handlerOf('share').handle(SHARE);
    const made = handlerOf('change').handle(change(30)) as Promise<ChangeRecord>;
    world.isFull = true;
    await running;
    expect((await made).inForceAtMs).toBeNull();

    const { snapshot } = world.next ?? {};
    expect(snapshot?.pending).toHaveLength(1);
    Object.assign(world, { isFull: false });
    const next = capacity({ settings: SETTINGS, quietUntilMs: 0, ...(snapshot ? { snapshot } : {}) });
    const { revision } = handlerOf('share').handle({ ...SHARE, seq: 2 }) as { revision: number };
    handlerOf('share').handle({ ...SHARE, seq: 3, rate: 30, revision });
    await vi.waitFor(() => {
      const { changes } = handlerOf(CAPACITY_QUERIES.state).handle() as CapacityState;
      expect(changes.map(({ after, inForceAtMs }) => [after, inForceAtMs !== null])).toEqual([['30', true]]);
    });
    world.isFull = true;
    await next;
    expect(world.next?.snapshot?.pending).toEqual([]);
  });
});
