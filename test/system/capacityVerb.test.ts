import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { askShare, ensureCapacity, readCapacity } from '../../src/client/index.js';
import { loadConfig } from '../../src/config/index.js';
import {
  CAPACITY_UPDATES,
  CAPACITY_WORKFLOW_ID,
  type CapacityState,
  type ChangeRecord,
  type ShareRequest,
} from '../../src/domain/index.js';
import { roleEnvironment } from '../../src/embedded/index.js';
import { endpointsNow, eventually, select } from './pipeline.js';
import { penstock } from './program.js';
import { recordHistory } from './recordHistory.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** A model of this test alone, so that nobody else is slowed down. */
const MODEL = 'capacity-verb';
let connection: Connection;
let client: Client;

beforeAll(async () => {
  connection = await Connection.connect({ address: (await endpointsNow()).temporal });
  client = new Client({ connection });
});

afterAll(async () => {
  // What this test has set must not stop the tests after it.
  await penstock('capacity', 'resume');
  await penstock('capacity', 'budget', 'default');
  await penstock('capacity', 'set', 'default', '--model', MODEL);
  await penstock('capacity', 'plan', 'default', '--model', MODEL);
  await connection.close();
});

const changed = async (...args: string[]): Promise<ChangeRecord> =>
  ((await penstock('capacity', ...args)).report as { change: ChangeRecord }).change;
const shown = async (): Promise<CapacityState> => (await penstock('capacity', 'show')).report as CapacityState;
const ofModel = ({ models }: CapacityState) => models.find(({ model }) => model === MODEL);

/** What a person sees. */
function printed(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [MAIN, 'capacity', ...args, '--data-dir', inject('dataDir')],
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      },
    );
  });
}

async function kill(name: string): Promise<void> {
  const pid = (await endpointsNow()).pids[name];
  if (pid === undefined) throw new Error(`${name} does not run`);
  process.kill(pid, 'SIGKILL');
}

const rowsOf = (why: string): Promise<Record<string, unknown>[]> =>
  select(
    `SELECT who, why, kind, model, before, after, in_force_at IS NOT NULL AS done FROM capacity_changes WHERE why = '${why}'`,
  );

function share(holder: string, seq: number, more: Partial<ShareRequest> = {}): ShareRequest {
  return {
    ...{ holder, seq, model: MODEL, most: 30, slots: 2, rate: 0, revision: 0 },
    ...{ budget: { day: '', used: 0, limit: 0 }, waiting: { express: 0, bulk: 3 } },
    ...more,
  };
}

describe('penstock capacity', () => {
  it('sets, plans and budgets, each with who and why in the table once it is in force', async () => {
    expect(await changed('set', '12.5', '--model', MODEL, '--why', 'verb-set')).toMatchObject({
      ...{ kind: 'set', model: MODEL, before: 'none', after: '12.5', why: 'verb-set' },
      inForceAtMs: expect.any(Number) as number,
    });
    await changed('plan', '2', '--model', MODEL);
    expect(await changed('budget', '--images', '5000', '--time-zone', 'Pacific/Midway')).toMatchObject({
      kind: 'budget',
    });
    const state = await shown();
    expect(ofModel(state)).toMatchObject({ cap: 12.5, capFrom: 'person', planned: 2, plannedFrom: 'person' });
    expect(state.budget).toMatchObject({ imagesPerDay: 5_000, timeZone: 'Pacific/Midway', from: 'person' });
    expect(await changed('budget', 'default')).toMatchObject({ kind: 'budget' });
    expect((await shown()).budget).toMatchObject({ imagesPerDay: null, from: 'configuration' });
    const rows = await eventually(
      () => rowsOf('verb-set'),
      ([row]) => row?.['done'] === 1,
      60_000,
    );
    expect(rows).toEqual([
      {
        who: expect.stringMatching(/.@./) as string,
        why: 'verb-set',
        kind: 'set',
        model: MODEL,
        before: 'none',
        after: '12.5',
        done: 1,
      },
    ]);
    const { report } = await penstock('capacity', 'history', '--last', '1000');
    const { changes } = report as { changes: { why: string; changed_at: string }[] };
    expect(changes.map(({ why }) => why)).toContain('verb-set');
    expect(changes.map(({ changed_at: at }) => at)).toEqual(
      changes
        .map(({ changed_at: at }) => at)
        .sort()
        .reverse(),
    );
  });

  it('shows shares, standby and a cap above what was measured; pauses and resumes every lane', async () => {
    await changed('set', '50', '--model', MODEL);
    await changed('plan', '1', '--model', MODEL);
    await askShare(client, share('verb-a', 1));
    await askShare(client, share('verb-b', 1));
    const { code, stdout } = await printed('show');
    expect(code).toBe(0);
    expect(stdout).toMatch(/verb-a\s+│ capacity-verb\s+│ 30 images\/s\s+│ 30 images\/s/);
    expect(stdout).toMatch(/verb-b\s+│ capacity-verb\s+│ stands by: 1 planned/);
    expect(stdout).toContain(
      'The cap of capacity-verb is 50 images/s; its 1 detectors of 1 planned have measured 30 images/s together.',
    );
    await askShare(client, share('verb-a', 2, { leaving: true }));
    await askShare(client, share('verb-b', 2, { leaving: true }));

    await changed('pause', '--why', 'verb-pause');
    const paused = await shown();
    expect(paused.paused).toMatchObject({ why: 'verb-pause' });
    expect(paused.window.lanes.every(({ stopped }) => stopped?.endsWith('verb-pause'))).toBe(true);
    await recordHistory('capacity.paused', client.workflow.getHandle(CAPACITY_WORKFLOW_ID));
    expect(await changed('resume')).toMatchObject({ before: 'paused', after: 'running' });
    expect((await shown()).paused).toBeNull();
  });

  it('refuses with the sentence of the workflow, exit code 2', async () => {
    const [none, word, zone, money, pause] = await Promise.all([
      printed('set', '0'),
      printed('set', 'fast'),
      printed('budget', '--time-zone', 'Berlin'),
      printed('budget', '--money', '5'),
      printed('pause'),
    ]);
    expect(none).toMatchObject({
      code: 2,
      stdout: '',
      stderr: 'cap: a number above 0 to 1000000000000; to stop: pause\n',
    });
    expect(word.stderr).toBe("set 'fast': a number, like 50 or 0.5\n");
    expect(zone).toMatchObject({
      code: 2,
      stderr: "timeZone: 'Berlin' is no IANA time zone, like Europe/Berlin\n",
    });
    expect(money).toMatchObject({
      code: 2,
      stderr: 'moneyPerDay: a ceiling in money needs pricePerDetectorHour\n',
    });
    expect(pause.code).toBe(2);
  });

  it(
    'keeps a change that was made while ClickHouse was away, and what is set through kill -9 and terminate',
    { timeout: 240_000 },
    async () => {
      await kill('clickhouse');
      expect(await changed('set', '77', '--model', MODEL, '--why', 'verb-away')).toMatchObject({ after: '77' });
      await kill('orchestrator');
      expect(ofModel(await eventually(shown, () => true, 60_000))).toMatchObject({ cap: 77 });
      expect(
        await eventually(
          () => rowsOf('verb-away'),
          ([row]) => row?.['done'] === 1,
          120_000,
        ),
      ).toHaveLength(1);

      const handle = client.workflow.getHandle(CAPACITY_WORKFLOW_ID);
      const { runId } = await handle.describe();
      await recordHistory('capacity', client.workflow.getHandle(CAPACITY_WORKFLOW_ID, runId));
      await handle.terminate('a test');
      const began = Date.now();
      // A closed execution still answers queries: wait for another one.
      await eventually(
        async () => (await handle.describe()).runId,
        (now) => now !== runId,
        40_000,
      );
      expect(Date.now() - began).toBeLessThan(30_000);
      const state = await readCapacity(client);
      expect(ofModel(state)).toMatchObject({ cap: 77, capFrom: 'person' });
      expect(state.changes[0]).toMatchObject({ why: 'verb-away' });
    },
  );

  it('has an event of its own when nobody answers for it, and goes on as before', async () => {
    const { pids, ...endpoints } = await endpointsNow();
    const pid = pids['orchestrator'] ?? 0;
    process.kill(pid, 'SIGSTOP');
    try {
      await ensureCapacity(client, loadConfig(roleEnvironment({ ...endpoints, pids })));
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    // While a workflow task is out, the server keeps it back.
    await eventually(
      async () => (await client.workflow.getHandle(CAPACITY_WORKFLOW_ID).fetchHistory()).events ?? [],
      (events) => events.some((event) => event.workflowExecutionSignaledEventAttributes?.signalName === 'nudge'),
      30_000,
    );
    expect(await readCapacity(client)).toHaveProperty('revision');
  });

  it('takes no update by hand that is no change', async () => {
    const handle = client.workflow.getHandle(CAPACITY_WORKFLOW_ID);
    await expect(
      handle.executeUpdate(CAPACITY_UPDATES.change, { args: [{ change: { pause: 1 }, who: 'x', why: 'y' }] }),
    ).rejects.toThrow();
  });
});
