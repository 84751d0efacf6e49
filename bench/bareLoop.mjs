// The baseline of detect.endToEnd: what a person would write without a workflow engine. One process per core, each with
// a model session of one thread, a few pictures in flight; same storage server, same decoding, same model; no Kafka, no
// Temporal, no ClickHouse, nothing durable.
import { createObjectReader } from '../dist/storage/index.js';
import { loadModel, openSession, prepareImage, tensorLength } from '../dist/inference/model/index.js';

const IN_FLIGHT = 4;
const { modelDir, endpoint } = JSON.parse(process.argv[2]);
const model = await loadModel(modelDir);
const session = await openSession(model, { provider: 'cpu', deviceId: 0, threads: 1 });
const reader = createObjectReader({ endpoint, projectId: 'penstock', maxBytes: 50_000_000, timeoutMs: 30_000 });
const length = tensorLength(model.input);

process.on('message', async ({ images }) => {
  let next = 0;
  let boxes = 0;
  const loop = async () => {
    const tensor = model.input.type === 'float32' ? new Float32Array(length) : new Uint8Array(length);
    while (next < images.length) {
      const read = await reader.read(images[next++]);
      if (read.kind !== 'bytes') throw new Error(read.detail);
      const prepared = await prepareImage(read.bytes, model.input, { maxPixels: 1e8, timeoutMs: 30_000 }, tensor);
      boxes += session.detections(await session.run(tensor, 1), 0, prepared).length;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, loop));
  process.send({ boxes });
});
process.send({ ready: true });
