import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Storage } from '@google-cloud/storage';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GCS_PROJECT, roleEnvironment } from '../../src/embedded/index.js';
import { scene } from '../../src/scenes/index.js';
import { endpointsNow, eventually, select } from './pipeline.js';

const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const BUCKET = 'routing-test';

let folder: string;
let intake: ChildProcess;
let address: string;
let storage: Storage;

/** Replaces the file as a deployment does. */
async function writeRoutes(routes: string): Promise<void> {
  await writeFile(join(folder, 'new.yaml'), `version: 1\nroutes:\n${routes}`);
  await rename(join(folder, 'new.yaml'), join(folder, 'routing.yaml'));
}

/** An intake of its own on the servers of the stack: that of the stack has no routes. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'penstock-routing-'));
  await writeRoutes(`  - { bucket: ${BUCKET}, prefix: wanted/, model: shapes, lane: express }\n`);
  const endpoints = await endpointsNow();
  storage = new Storage({ apiEndpoint: endpoints.gcs, projectId: GCS_PROJECT, useAuthWithCustomEndpoint: false });
  const [exists] = await storage.bucket(BUCKET).exists();
  if (!exists) await storage.createBucket(BUCKET);
  intake = fork(PROGRAM, ['intake'], {
    cwd: folder,
    env: {
      ...process.env,
      ...roleEnvironment(endpoints),
      PENSTOCK_ROUTING_FILE: 'routing.yaml',
      PENSTOCK_BUCKETS: BUCKET,
      PENSTOCK_HTTP_PORT: '0',
      PENSTOCK_LOG_LEVEL: 'fatal',
    },
  });
  const [message] = (await once(intake, 'message')) as [{ port: number }];
  address = `http://127.0.0.1:${message.port}`;
  await eventually(
    () => fetch(`${address}/readyz`),
    ({ ok }) => ok,
    20_000,
  );
}, 60_000);

afterAll(async () => {
  if (intake.exitCode === null) {
    intake.kill('SIGTERM');
    await once(intake, 'exit');
  }
  await storage.bucket(BUCKET).deleteFiles({ force: true });
  await rm(folder, { recursive: true });
}, 60_000);

/** Uploads an object; gives what the storage API says of it. */
async function upload(name: string, bytes: Buffer): Promise<Record<string, unknown>> {
  const file = storage.bucket(BUCKET).file(name);
  await file.save(bytes, { resumable: false, contentType: 'image/jpeg' });
  return { ...file.metadata };
}

/** Posts the event of an object; gives the outcome that intake answers. */
async function post(resource: Record<string, unknown>): Promise<string | undefined> {
  const event = { specversion: '1.0', type: 'google.cloud.storage.object.v1.finalized', source: 's', id: '1' };
  const response = await fetch(`${address}/events/gcs`, {
    method: 'POST',
    headers: { 'content-type': 'application/cloudevents+json' },
    body: JSON.stringify({ ...event, data: resource }),
    signal: AbortSignal.timeout(15_000),
  });
  expect(response.status).toBe(200);
  const { events } = (await response.json()) as { events: { outcome: string }[] };
  return events[0]?.outcome;
}

interface Row {
  object: string;
  model: string;
  status: string;
  reason: string;
  workflow: string;
}

const rowsOf = (names: readonly string[]): Promise<Row[]> =>
  select<Row>(
    `SELECT object, model, status, reason, workflow_id AS workflow FROM images
     WHERE bucket = '${BUCKET}' AND object IN (${names.map((name) => `'${name}'`).join()}) ORDER BY object`,
  );

it('sends a second bucket by its routes, and by others as soon as the file is replaced', async () => {
  const run = Date.now();
  const { jpeg } = await scene('routing');
  const names = { wanted: `wanted/${run}.jpg`, late: `late/${run}.jpg`, again: `wanted/${run}-again.jpg` };
  const late = await upload(names.late, jpeg);
  expect(await post(await upload(names.wanted, jpeg))).toBe('accepted');
  expect(await post(late)).toBe('unrouted');
  await writeRoutes(`  - { bucket: ${BUCKET}, prefix: late/, model: shapes }\n`);
  await eventually(
    () => post(late),
    (outcome) => outcome === 'accepted',
    20_000,
  );
  expect(await post(await upload(names.again, jpeg))).toBe('unrouted');
  expect(await post({ ...late, bucket: 'strangers' })).toBe('bucket_not_allowed');
  const rows = await eventually(
    () => rowsOf(Object.values(names)),
    ({ length }) => length === 2,
    60_000,
  );
  expect(rows.map(({ object, workflow }) => [object, workflow.split('/')[1]])).toEqual([
    [names.late, 'penstock.image-events.bulk'],
    [names.wanted, 'penstock.image-events.express'],
  ]);
}, 120_000);

it('gives an image that its event tells to be hopeless a row with its reason, and no batch', async () => {
  await writeRoutes(`  - { bucket: ${BUCKET}, model: shapes }\n`);
  const name = `hopeless/${Date.now()}.jpg`;
  const empty = await upload(name, Buffer.alloc(0));
  await eventually(
    () => post(empty),
    (outcome) => outcome === 'refused',
    20_000,
  );
  const rows = await eventually(
    () => rowsOf([name]),
    ({ length }) => length > 0,
    30_000,
  );
  expect(rows).toEqual([{ object: name, model: 'shapes', status: 'dead', reason: 'NOT_AN_IMAGE', workflow: '' }]);
});
