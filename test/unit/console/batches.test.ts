import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { expect, test } from 'vitest';
import type { TemporalClient } from '../../../src/client/index.js';
import { loadConfig } from '../../../src/config/index.js';
import { FailedBatches } from '../../../src/console/batches.js';
import { consoleOperations } from '../../../src/console/operations.js';
import { createLogger } from '../../../src/telemetry/index.js';

/** Temporal with failed batches, and how often it was asked for them. */
function temporal(runs = new Map([['detect/a', 'FAILED']])) {
  const asked = { lists: 0, describes: 0, histories: 0 };
  const failure = ApplicationFailure.create({ type: 'DeadImages', details: [{ dead: { DOWNLOAD_FAILED: 2 } }] });
  const client = {
    withDeadline: (_deadline: number, call: () => Promise<unknown>) => call(),
    workflow: {
      list: () => {
        asked.lists += 1;
        return [...runs.keys()].map((workflowId) => ({ workflowId }));
      },
      getHandle: (workflowId: string, runId?: string) => ({
        describe: () => {
          asked.describes += 1;
          return Promise.resolve({
            ...{ type: 'detectBatch', runId: `run of ${workflowId}`, status: { name: runs.get(workflowId) } },
            ...{ closeTime: new Date(0), typedSearchAttributes: { get: () => undefined }, memo: {} },
          });
        },
        result: () => {
          expect(runId).toBe(`run of ${workflowId}`);
          asked.histories += 1;
          return Promise.reject(new WorkflowFailedError('failed', failure, 'NON_RETRYABLE_FAILURE'));
        },
      }),
    },
  };
  const connected = { client, namespace: 'default' } as unknown as TemporalClient;
  return { asked, runs, get: () => Promise.resolve(connected) };
}

test('those who look share one look, and what a run told when it ended is read once', async () => {
  const { asked, get } = temporal();
  const failed = new FailedBatches({ temporal: get, temporalUi: () => 'http://ui' });
  const [one, two] = await Promise.all([failed.read(), failed.read()]);
  expect(one).toBe(two);
  expect(await failed.read()).toBe(one);
  expect(one).toMatchObject({
    more: false,
    batches: [{ workflowId: 'detect/a', status: 'FAILED', dead: { DOWNLOAD_FAILED: 2 }, problem: null }],
  });
  expect(asked).toEqual({ lists: 1, describes: 1, histories: 1 });
  failed.changed();
  expect(await failed.read()).toEqual(one);
  expect(asked).toEqual({ lists: 2, describes: 2, histories: 1 });
});

test('what was begun before a change is not what is shown after it', async () => {
  const { runs, get } = temporal();
  let connect: () => void = () => undefined;
  const gates = [new Promise<void>((resolve) => (connect = resolve)), Promise.resolve()];
  const failed = new FailedBatches({
    temporal: async () => {
      await gates.shift();
      return get();
    },
    temporalUi: () => undefined,
  });
  const before = failed.read();
  failed.changed();
  runs.set('detect/a', 'RUNNING');
  expect((await failed.read()).batches).toEqual([]);
  runs.set('detect/a', 'FAILED');
  connect();
  expect((await before).batches).toHaveLength(1);
  expect((await failed.read()).batches).toEqual([]);
});

test('Temporal that says nothing is away before the page gives up', async () => {
  const failed = new FailedBatches({
    ...{ temporal: () => new Promise<never>(() => undefined), temporalUi: () => undefined, limitMs: 20 },
  });
  await expect(failed.read()).rejects.toMatchObject({ status: 503, message: 'Temporal: no answer within 0.02 s' });
});

test('what was started again by a click is seen by who looks next; other buckets are not looked into', async () => {
  const { asked, runs, get } = temporal();
  const routes = consoleOperations({
    ...{ config: loadConfig({ PENSTOCK_BUCKETS: 'uploads' }), log: createLogger('test', 'silent') },
    ...{ warehouse: {} as never, flow: {} as never, temporal: get, temporalUi: () => undefined },
  });
  const person = { name: 'otto', role: 'operator', by: 'key' } as const;
  const ask = (path: string, input: object = {}): Promise<unknown> =>
    routes.find((one) => one.path === path)?.handle({ params: {}, query: {}, body: {}, person, ...input }) ??
    Promise.reject(new Error(`no ${path}`));
  await expect(ask('/api/batches')).resolves.toMatchObject({ batches: [{ workflowId: 'detect/a' }] });
  runs.set('detect/a', 'RUNNING');
  await expect(ask('/api/batches/retry', { body: { ids: ['detect/a'] } })).resolves.toMatchObject({
    batches: [{ outcome: 'skipped', problem: 'it is running' }],
  });
  await expect(ask('/api/batches')).resolves.toMatchObject({ batches: [] });
  expect(asked.lists).toBe(2);
  await expect(ask('/api/image', { query: { name: 'gs://secrets/a' } })).rejects.toMatchObject({
    ...{ status: 403, message: 'PENSTOCK_BUCKETS does not have secrets: the console does not look into it' },
  });
});
