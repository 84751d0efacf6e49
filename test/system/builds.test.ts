import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { temporal } from '@temporalio/proto';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { BatchStarter, readCapacity, type Build } from '../../src/client/index.js';
import { roleEnvironment } from '../../src/embedded/index.js';
import { endpointsNow, eventually } from './pipeline.js';
import { startRole, type RoleProcess } from './roleProcess.js';
import { beatUntil, detected, newModel, objectsOf, ScriptedDetectors } from './scriptedDetector.js';

const {
  INDEXED_VALUE_TYPE_KEYWORD_LIST: Words,
  INDEXED_VALUE_TYPE_KEYWORD: Word,
  INDEXED_VALUE_TYPE_INT: Int,
} = temporal.api.enums.v1.IndexedValueType;
const PENSTOCK = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
/** Orchestrators of their own, which the stack's do not see. */
const namespace = `builds-${randomUUID().slice(0, 8)}`;
const address = inject('endpoints').temporal;
const roles: RoleProcess[] = [];
let connection: Connection;
let client: Client;
let detectors: ScriptedDetectors;
/** Lets the detector of the first batch answer. */
let release = (): void => undefined;
const released = new Promise<void>((resolve) => (release = resolve));

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined), shutdownSignals: [] });
  connection = await Connection.connect({ address });
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: msToTs('7 days'),
  });
  const searchAttributes = { PenstockBucket: Words, PenstockModel: Word, PenstockImages: Int, PenstockDead: Int };
  // The namespace is known everywhere after some seconds only.
  await eventually(
    () => connection.operatorService.addSearchAttributes({ namespace, searchAttributes }).then(() => true),
    (isDone) => isDone,
    30_000,
  );
  client = new Client({ connection, namespace });
  detectors = await ScriptedDetectors.connect(address, namespace);
});
afterAll(async () => {
  release();
  await Promise.all(roles.map((role) => role.stop()));
  await detectors.close();
  await connection.close();
});

async function orchestrator(buildId: string): Promise<RoleProcess> {
  const role = await startRole('orchestrator', {
    ...{ TEMPORAL_NAMESPACE: namespace, PENSTOCK_WORKER_VERSIONING: 'true', PENSTOCK_BUILD_ID: buildId },
    // What is rolled up and deleted is the stack's.
    ...{ PENSTOCK_ROLLUP_INTERVAL_MS: '3600000', PENSTOCK_HOUSEKEEP_INTERVAL_MS: '86400000' },
  });
  roles.push(role);
  return role;
}

async function deploy(...args: string[]): Promise<{ code: number; report: unknown; stderr: string }> {
  const env = { ...roleEnvironment(await endpointsNow()), TEMPORAL_NAMESPACE: namespace };
  return new Promise((resolve) => {
    execFile(process.execPath, [PENSTOCK, 'deploy', ...args, '--json'], { env }, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), report: stdout === '' ? undefined : JSON.parse(stdout), stderr });
    });
  });
}

async function builds(): Promise<Build[]> {
  return ((await deploy('list')).report as { builds: Build[] }).builds;
}

async function startBatch(model: string): Promise<WorkflowHandle> {
  const workflowId = `detect/test/${model}`;
  const input = {
    ...{ model, lane: 'bulk', topic: 'penstock.image-events.bulk', partition: 0, maxAttempts: 3, express: false },
    ...{ firstOffset: '0', lastOffset: '1', buckets: ['uploads'] },
    images: ['0.jpg', '1.jpg'].map((object): [number, string, string, number, number] => [0, object, '1', 1, 2]),
  };
  const memo = { firstOffset: '0', lastOffset: '1', eventsHash: 'ab'.repeat(32) };
  expect(await new BatchStarter(client).start({ workflowId, input, memo })).toEqual({ kind: 'started' });
  return client.workflow.getHandle(workflowId);
}

/** The builds that have worked on an execution. */
async function buildsOf(handle: WorkflowHandle): Promise<string[]> {
  const { events } = await handle.fetchHistory();
  const ids = (events ?? []).flatMap(
    ({ workflowTaskCompletedEventAttributes: done }) => done?.deploymentVersion?.buildId ?? [],
  );
  return [...new Set(ids)];
}

it('a batch ends on the build that it began with; new ones begin on the one that was promoted, and the old one drains', async () => {
  const a = await orchestrator('a');
  expect(await builds()).toMatchObject([{ buildId: 'a', isCurrent: true }]);
  const model = newModel();
  const { calls } = await detectors.start(model, async (input, call) => {
    if (call > 0) return detected(input);
    await beatUntil(released);
    return detected(input, { retry: [{ image: 1, reason: 'DOWNLOAD_FAILED', detail: '' }] });
  });
  const before = await startBatch(model);
  await vi.waitFor(() => expect(calls).toHaveLength(1), { timeout: 20_000, interval: 100 });

  await orchestrator('b');
  expect((await deploy('promote', 'c')).stderr).toContain('no orchestrator of build c runs');
  expect(await deploy('promote', 'b')).toMatchObject({ code: 0 });
  expect(await builds()).toMatchObject([
    { buildId: 'b', isCurrent: true },
    { buildId: 'a', isCurrent: false },
  ]);
  const later = newModel();
  await detectors.start(later, (input) => detected(input));
  const after = await startBatch(later);
  expect(await after.result()).toMatchObject({ detected: 2 });
  expect(await buildsOf(after)).toEqual(['b']);
  expect(await deploy('drained', 'c')).toMatchObject({ code: 1 });
  expect(await deploy('drained', 'b')).toMatchObject({ code: 3, report: { current: true } });
  await eventually(
    () => deploy('drained', 'a'),
    ({ code, report }) => code === 3 && (report as { pinned: number }).pinned === 1,
    20_000,
  );

  release();
  expect(await before.result()).toMatchObject({ detected: 2 });
  expect(calls.map(objectsOf)).toEqual([['0.jpg', '1.jpg'], ['1.jpg']]);
  expect(await buildsOf(before)).toEqual(['a']);
  await eventually(
    () => deploy('drained', 'a'),
    ({ code }) => code === 0,
    20_000,
  );
  await a.stop();
  // What is long-lived goes on with the current build.
  await eventually(
    () => readCapacity(client, 5_000),
    () => true,
    30_000,
  );
});
