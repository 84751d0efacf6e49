import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Storage } from '@google-cloud/storage';
import { eventRequest } from '../dist/cli/demo/events.js';
import { scene } from '../dist/scenes/index.js';
import { median, quantile, withFolder, withStack } from './measure.mjs';

const IMAGES = 40;
const WARM_UP = 10;
const AIM_MS = 500;

/** One image at a time through an idle stack: from the beginning of its upload to its row, with the model of the demo. */
export async function latencyIdle({ repeats, say }) {
  const runs = [];
  await withFolder((dataDir) =>
    withStack({ dataDir, environment: { PENSTOCK_LOG_LEVEL: 'warn' } }, async (stack) => {
      const { gcs } = stack.endpoints();
      const bucket = new Storage({ apiEndpoint: gcs, projectId: 'penstock', useAuthWithCustomEndpoint: false }).bucket(
        'uploads',
      );
      const { jpeg } = await scene('bench');
      for (let image = 0; image < WARM_UP; image += 1) await once(stack, bucket, jpeg);
      for (let repeat = 0; repeat < repeats; repeat += 1) {
        const latencies = [];
        for (let image = 0; image < IMAGES; image += 1) latencies.push(await once(stack, bucket, jpeg));
        const p50 = quantile(latencies, 0.5);
        const p95 = quantile(latencies, 0.95);
        say(`p50 ${p50.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms`);
        runs.push({ p50, p95 });
      }
    }),
  );
  const p50 = median(runs.map((run) => run.p50));
  return {
    ...{ name: 'latency.idle', unit: 'ms', value: p50, baseline: AIM_MS, ratio: p50 / AIM_MS, repeats },
    note: `upload to row, one image at a time, p95 ${median(runs.map((run) => run.p95)).toFixed(0)} ms; at most the baseline`,
  };
}

async function once(stack, bucket, jpeg) {
  const { intake, clickhouse } = stack.endpoints();
  const file = bucket.file(`idle/${randomUUID()}.jpg`);
  const startedAt = performance.now();
  await file.save(jpeg, { resumable: false, contentType: 'image/jpeg' });
  const { generation, timeCreated, size } = file.metadata;
  const resource = { bucket: 'uploads', name: file.name, generation: String(generation), timeCreated, size };
  const { path, headers, body } = eventRequest('push', { ...resource, contentType: 'image/jpeg' }, randomUUID());
  const answer = await fetch(`${intake}${path}`, { method: 'POST', headers, body });
  if (!answer.ok) throw new Error(`intake answers ${answer.status}`);
  const query = encodeURIComponent(`SELECT count() FROM penstock.image_results WHERE object = '${file.name}'`);
  for (;;) {
    const rows = await fetch(`${clickhouse}/?query=${query}`);
    if (Number(await rows.text()) > 0) return performance.now() - startedAt;
    if (performance.now() - startedAt > 60_000) throw new Error(`${file.name} has no row after a minute`);
    await sleep(5);
  }
}
