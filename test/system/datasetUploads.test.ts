import { expect, it, onTestFinished } from 'vitest';
import { connectTemporal, datasetProgress, uploadedTo } from '../../src/client/index.js';
import { datasetId } from '../../src/domain/index.js';
import { pointAtStack } from '../../src/embedded/index.js';
import { landed, applyManifests, putObjects } from './datasets/rig.js';
import { heldManifest, startHeldApi } from './heldApi.js';
import { endpointsNow, eventually, postEvent } from './pipeline.js';

/** Datasets that wait for uploads: the event comes through intake and Kafka, and nobody else starts a run. */

const BUCKET = 'awaited-uploads';
const SETTLED = "status IN ('published', 'unchanged', 'failed')";

it('an upload that a dataset waits for starts a run, which those of the same moment share, and no other does', async () => {
  await applyManifests({ awaiting: manifest('awaiting', true), not_awaiting: manifest('not_awaiting', false) });
  await upload('in/1.csv', 'id,note\n1,one\n2,two\n');
  await upload('elsewhere/1.csv', 'id,note\n9,nine\n');
  await upload('in/2.csv', 'id,note\n3,three\n');
  expect(await runs('awaiting', 1)).toEqual([{ trigger: 'upload', status: 'published', inputs: '2', loaded: '3' }]);
  // The same event again, and a new version of an object: only that one is read.
  await tell('in/1.csv', 1);
  await upload('in/2.csv', 'id,note\n3,three\n4,four\n');
  expect((await runs('awaiting', 2))[1]).toEqual({ trigger: 'upload', status: 'published', inputs: '1', loaded: '1' });
  expect(await landed('SELECT id, note FROM awaiting ORDER BY id')).toEqual([
    { id: '1', note: 'one' },
    { id: '2', note: 'two' },
    { id: '3', note: 'three' },
    { id: '4', note: 'four' },
  ]);
  expect(await landed("SELECT run FROM dataset_runs WHERE dataset = 'not_awaiting'")).toEqual([]);
});

it('an upload that comes while a run of uploads is at work has one after it, also where that one fails', async () => {
  const dataset = 'uploaded_meanwhile';
  pointAtStack(process.env, await endpointsNow());
  const temporal = await connectTemporal();
  onTestFinished(() => temporal.connection.close());
  const api = await startHeldApi(2);
  onTestFinished(() => api.close());
  await applyManifests({ [dataset]: heldManifest(dataset, api, 'checks: { run: { minRows: 3 } }\n') });
  api.heldFrom = 2;
  await uploadedTo(temporal.client, dataset);
  const handle = temporal.client.workflow.getHandle(`${datasetId(dataset)}/uploads`);
  await eventually(
    async () => (await datasetProgress(temporal.client, handle))?.step,
    (step) => step === 'staging',
    90_000,
  );
  await uploadedTo(temporal.client, dataset);
  api.release();
  expect(await runs(dataset, 1)).toEqual([{ trigger: 'upload', status: 'failed', inputs: '2', loaded: '0' }]);
  api.rows = 3;
  expect((await runs(dataset, 2))[1]).toEqual({ trigger: 'upload', status: 'published', inputs: '3', loaded: '3' });
  const ended = await eventually(
    () => handle.describe(),
    ({ status }) => status.name !== 'RUNNING',
    30_000,
  );
  expect(ended.status.name).toBe('COMPLETED');
});

function manifest(name: string, onUpload: boolean): string {
  return `version: penstock/v1
name: ${name}
source: { type: objects, bucket: ${BUCKET}, match: ['in/*.csv'], onUpload: ${onUpload} }
format: { type: csv }
columns:
  - { name: id, type: String, required: true }
  - { name: note, type: String }
target: { mode: append, key: [id], orderBy: [id] }
`;
}

async function upload(name: string, text: string): Promise<void> {
  await putObjects(BUCKET, [{ name, bytes: Buffer.from(text) }]);
  await tell(name, Buffer.byteLength(text));
}

/** The event of an upload. Its generation is no matter: a run looks itself what is there. */
async function tell(object: string, size: number): Promise<void> {
  await postEvent(
    { bucket: BUCKET, object, generation: '1' },
    { contentType: 'text/csv', size: String(size), timeCreated: new Date().toISOString() },
  );
}

/** Runs of a dataset, as soon as so many have ended. */
function runs(dataset: string, count: number) {
  return eventually(
    () =>
      landed(`SELECT trigger, status, inputs, loaded FROM dataset_runs
        WHERE dataset = '${dataset}' AND ${SETTLED} ORDER BY number`),
    (found) => found.length >= count,
    90_000,
  );
}
