import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  connectTemporal,
  datasetEnd,
  ensureDatasetSchedule,
  startDatasetRun,
  type TemporalClient,
} from '../../src/client/index.js';
import { DATASET, datasetId } from '../../src/domain/index.js';
import { pointAtStack } from '../../src/embedded/index.js';
import { FleetMember } from './datasets/fleetMember.js';
import { fleetRuns, fleetSizes, publishedInputs, type FleetRun } from './datasets/fleetRuns.js';
import { fleetDatasets, startApi, type Api } from './datasets/index.js';
import { applyManifests, landed, tableTexts } from './datasets/rig.js';
import { endpointsNow, eventually, forEachBounded } from './pipeline.js';
import { killProcess } from './restartRole.js';

/** Forty datasets on schedules of 20 to 60 s, while their API fails and processes are killed. */

/** So long new versions appear; longer, and more are killed. */
const SECONDS = Number(process.env['DATASETS_SECONDS'] ?? 50);
const SEED = 11;
/** Share of the requests that the API answers with 429, 503 or half a body. */
const FLAKY = 0.15;
/** One after the other, from the beginning again. The stack waits longer and longer before it restarts what dies often. */
const VICTIMS = ['ingester', 'clickhouse', 'ingester', 'orchestrator'];
const KILL_EVERY_MS = Math.max(11_000, SECONDS * 100);
/** A run that was killed repeatedly is waited for: its next try begins when its heartbeats are missed. */
const PATIENCE_MS = 240_000;
const AGAIN_AT_ONCE = 8;
const LOOK_EVERY_MS = 1_000;
/** With each look the rows of so many parts of the fleet are counted in turn. */
const GLIMPSES = 4;

let temporal: TemporalClient;
let api: Api;
let folder: string;
let fleet: FleetMember[] = [];

beforeAll(async () => {
  pointAtStack(process.env, await endpointsNow());
  temporal = await connectTemporal();
  folder = await mkdtemp(join(tmpdir(), 'penstock-fleet-'));
  api = await startApi({ seed: SEED, flaky: FLAKY });
  const places = { bucket: 'fleet', folder, apiUrl: api.url, api };
  fleet = fleetDatasets({ seed: SEED }).map((dataset) => new FleetMember(dataset, places));
});
afterAll(async () => {
  // Whatever failed: nothing of it goes on under the tests that follow.
  for (const { name } of fleet) await ensureDatasetSchedule(temporal.client, name, undefined);
  await temporal.connection.close();
  await api.close();
  await rm(folder, { recursive: true, force: true });
});

it(
  'forty datasets on schedules equal what their inputs say, whatever is killed, and all of it again changes nothing',
  { timeout: SECONDS * 1_000 + 2 * PATIENCE_MS },
  async () => {
    const beganAt = performance.now();
    const sizes = new Map(fleet.map(({ name }) => [name, new Set<number>()]));
    for (const member of fleet) await member.show();
    await apply(true);
    const endsAt = Date.now() + SECONDS * 1_000;
    const [killed] = await Promise.all([killUntil(endsAt), showUntil(endsAt, sizes)]);
    await apply(false);
    await untilStill();

    const runs = await expectAsInputsSay(sizes);
    await expectScheduled(runs);
    expect(killed.slice(0, VICTIMS.length)).toEqual(VICTIMS);
    expect([...api.answers.keys()].sort()).toEqual([0, 200, 429, 503]);

    const before = await tables();
    await forEachBounded(fleet, AGAIN_AT_ONCE, (member) => runAgain(member, runs.get(member.name) ?? []));
    expect(await tables()).toEqual(before);
    await expectAsInputsSay(sizes);
    tell(runs, killed, performance.now() - beganAt);
  },
);

async function apply(isScheduled: boolean): Promise<void> {
  await applyManifests(Object.fromEntries(fleet.map((member) => [member.name, member.manifest(isScheduled)])));
}

/** Shows versions, each when the one before was published, and waits until the last of all were. */
async function showUntil(endsAt: number, sizes: ReadonlyMap<string, Set<number>>): Promise<void> {
  for (let round = 0; ; round += 1) {
    const published = await publishedInputs();
    const seen = fleet.filter((_, index) => index % GLIMPSES === round % GLIMPSES);
    for (const [name, size] of await fleetSizes(seen.map(({ name }) => name))) sizes.get(name)?.add(size);
    const behind = fleet.filter((member) => !member.isAmong(published.get(member.name) ?? []));
    if (Date.now() > endsAt && behind.length === 0) return;
    if (Date.now() > endsAt + PATIENCE_MS)
      throw new Error(`not published: ${behind.map(({ name }) => name).join(', ')}`);
    for (const member of fleet)
      if (!behind.includes(member) && member.dueAfter(Date.now()) < endsAt) await member.show();
    await sleep(LOOK_EVERY_MS);
  }
}

async function killUntil(endsAt: number): Promise<string[]> {
  const killed: string[] = [];
  for (let at = Date.now() + KILL_EVERY_MS; at < endsAt; at += KILL_EVERY_MS) {
    await sleep(Math.max(0, at - Date.now()));
    const victim = VICTIMS[killed.length % VICTIMS.length] ?? '';
    await killProcess(victim);
    killed.push(victim);
  }
  return killed;
}

/** Runs that were begun before the schedules went have ended. */
async function untilStill(): Promise<void> {
  await eventually(
    () => executions("ExecutionStatus = 'Running'"),
    (running) => running.length === 0,
    PATIENCE_MS,
  );
}

async function executions(which: string): Promise<string[]> {
  const ids: string[] = [];
  const query = `WorkflowType = '${DATASET.workflow}' AND ${which}`;
  for await (const { workflowId } of temporal.client.workflow.list({ query }))
    if (fleet.some(({ name }) => workflowId.startsWith(datasetId(name)))) ids.push(workflowId);
  return ids;
}

/** Runs, rows that were set aside, and tables are what plain code makes of what each run read. */
async function expectAsInputsSay(sizes: ReadonlyMap<string, Set<number>>): Promise<Map<string, FleetRun[]>> {
  const runs = await fleetRuns();
  for (const member of fleet) {
    const { name } = member;
    const own = runs.get(name) ?? [];
    const expected = member.expect(own);
    const found = own.map(({ status, read, loaded, duplicates, setAside: quarantined }) => ({
      ...{ status, read, loaded, duplicates, quarantined },
    }));
    expect({ name, runs: found }).toEqual({ name, runs: expected.runs });
    for (const { status, read, loaded, quarantined, duplicates, failure } of own) {
      if (status === 'published') expect(read, name).toBe(loaded + quarantined + duplicates);
      else
        expect(failure, name).toMatch(status === 'failed' ? /is not what it was|no such object or generation/ : /^$/);
    }
    expect({ name, rows: await tableTexts(name, member.columns) }).toEqual({ name, rows: expected.table });
    // Readers saw whole runs at any time.
    expect([...(sizes.get(name) ?? [])].filter((size) => !expected.sizes.includes(size))).toEqual([]);
  }
  expect(await landed("SELECT name FROM system.tables WHERE match(name, '^ds_.*__staging_')")).toEqual([]);
  return runs;
}

/** Each run is of a moment of its schedule, each moment has one run, and each run has left its record. */
async function expectScheduled(runs: ReadonlyMap<string, FleetRun[]>): Promise<void> {
  for (const { name, everyMs } of fleet)
    for (const { trigger, logicalDate, workflowId } of runs.get(name) ?? []) {
      expect({ workflowId, trigger }).toEqual({
        workflowId: `${datasetId(name)}-${logicalDate.replace('.000Z', 'Z')}`,
        trigger: 'schedule',
      });
      expect(Date.parse(logicalDate) % everyMs, workflowId).toBe(0);
    }
  const recorded = [...runs.values()].flat().map(({ workflowId }) => workflowId);
  expect(recorded.sort()).toEqual((await executions("ExecutionStatus != 'Running'")).sort());
}

const tables = (): Promise<[string, string[]][]> =>
  Promise.all(
    fleet.map(async ({ name, columns }): Promise<[string, string[]]> => [name, await tableTexts(name, columns)]),
  );

/** All that it ever read; where that would put partitions together that followed each other, what it read last. */
async function runAgain({ name: dataset, mode }: FleetMember, runs: readonly FleetRun[]): Promise<void> {
  const last = runs.findLast(({ status }) => status === 'published');
  const again =
    mode === 'replace partitions'
      ? ({ trigger: 'replay', replayOf: last?.number ?? '' } as const)
      : ({ trigger: 'hand', full: true } as const);
  const { workflowId } = await startDatasetRun(temporal.client, { dataset, ...again });
  const end = await datasetEnd(temporal.client.workflow.getHandle(workflowId));
  expect({ dataset, ...end }).toMatchObject({ dataset, kind: 'done', result: { status: 'published' } });
}

function tell(runs: ReadonlyMap<string, FleetRun[]>, killed: readonly string[], tookMs: number): void {
  const all = [...runs.values()].flat();
  const versions = fleet.reduce((sum, { shown }) => sum + shown, 0);
  const statuses = ['published', 'unchanged', 'failed'].map(
    (status) => `${all.filter((run) => run.status === status).length} ${status}`,
  );
  const sum = (count: 'read' | 'loaded' | 'duplicates' | 'quarantined'): string =>
    `${all.reduce((total, run) => total + run[count], 0)} ${count}`;
  const answers = [...api.answers].map(([status, count]) => `${count} × ${status}`);
  console.log(
    [
      `${SECONDS} s (${Math.round(tookMs / 1_000)} s in all): ${versions} versions of ${fleet.length} datasets, ${all.length} scheduled runs (${statuses.join(', ')})`,
      `rows: ${(['read', 'loaded', 'duplicates', 'quarantined'] as const).map(sum).join(', ')}`,
      `answers of the API: ${answers.join(', ')}; killed: ${killed.join(', ')}`,
    ].join('\n'),
  );
}
