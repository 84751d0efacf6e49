import { randomUUID } from 'node:crypto';
import { Storage } from '@google-cloud/storage';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectTemporal, lastAudit } from '../../src/client/index.js';
import { AUDIT_SCHEDULE_ID } from '../../src/domain/index.js';
import { GCS_PROJECT, pointAtStack } from '../../src/embedded/index.js';
import { scene } from '../../src/scenes/index.js';
import { endpointsNow, eventually, postEvent } from './pipeline.js';
import { recordHistory } from './recordHistory.js';
import { AUDITED_BUCKET } from './auditedBucket.js';

const WITHIN_MS = 120_000;
const object = `silent-${randomUUID().slice(0, 8)}.jpg`;

let temporal: Awaited<ReturnType<typeof connectTemporal>>;

beforeAll(async () => {
  pointAtStack(process.env, await endpointsNow());
  temporal = await connectTemporal();
});
afterAll(() => temporal.connection.close());

/** The value of a gauge of the orchestrator; undefined while it has none. */
async function gauge(name: string, labels: string): Promise<number | undefined> {
  const { metrics } = await endpointsNow();
  const text = await (await fetch(metrics['orchestrator'] ?? '')).text();
  const [, value] = new RegExp(`^${name}\\{${labels}role="orchestrator"\\} (\\S+)$`, 'm').exec(text) ?? [];
  return value === undefined ? undefined : Number(value);
}

/** Runs that the schedule has started lately. */
async function runs(): Promise<{ workflowId: string; runId: string }[]> {
  const { info } = await temporal.client.schedule.getHandle(AUDIT_SCHEDULE_ID).describe();
  return info.recentActions.map(({ action: { workflow } }) => {
    return { workflowId: workflow.workflowId, runId: workflow.firstExecutionRunId };
  });
}

/** Starts an audit as the schedule does, and waits for its end. */
async function audited(): Promise<{ workflowId: string; runId: string }> {
  const before = (await runs()).map(({ runId }) => runId);
  await temporal.client.schedule.getHandle(AUDIT_SCHEDULE_ID).trigger();
  const isNew = ({ runId }: { runId: string }): boolean => !before.includes(runId);
  const [run] = await eventually(
    async () => (await runs()).filter(isNew),
    ({ length }) => length > 0,
    WITHIN_MS,
  );
  if (run === undefined) throw new Error('no audit was started');
  await temporal.client.workflow.getHandle(run.workflowId, run.runId).result();
  return run;
}

const missing = (): Promise<number | undefined> =>
  gauge('penstock_audit_missing_images', `bucket="${AUDITED_BUCKET}",kind="not-received",`);

it('an object whose event never came is missing in the metric of the audit by schedule, until its event comes', async () => {
  const { gcs } = await endpointsNow();
  const storage = new Storage({ apiEndpoint: gcs, projectId: GCS_PROJECT, useAuthWithCustomEndpoint: false });
  const bucket = storage.bucket(AUDITED_BUCKET);
  if (!(await bucket.exists())[0]) await bucket.create();
  const file = bucket.file(object);
  await file.save((await scene(1)).jpeg, { resumable: false, metadata: { contentType: 'image/jpeg' } });
  const image = { bucket: AUDITED_BUCKET, object, generation: String(file.metadata.generation) };
  const timeCreated = file.metadata.timeCreated ?? '';
  await eventually(
    () => Promise.resolve(Date.now() - Date.parse(timeCreated)),
    (ageMs) => ageMs > 1_500,
    10_000,
  );

  const { workflowId, runId } = await audited();
  await recordHistory('audit', temporal.client.workflow.getHandle(workflowId, runId));
  expect(await lastAudit(temporal.client)).toMatchObject({
    missing: 1,
    buckets: [{ bucket: AUDITED_BUCKET, notReceived: 1, notStored: 0, problem: null }],
    listed: [`gs://${AUDITED_BUCKET}/${object}#${image.generation}`],
  });
  await eventually(missing, (count) => count === 1, 60_000);
  const endedAt = await gauge('penstock_audit_last_success_timestamp_seconds', '');
  expect(Math.abs(Date.now() / 1000 - (endedAt ?? 0))).toBeLessThan(300);

  await postEvent(image, { timeCreated, contentType: 'image/jpeg' });
  await audited();
  await eventually(missing, (count) => count === 0, 60_000);
});
