import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { median, quantile, withFolder, withStack } from './measure.mjs';

const CONNECTIONS = 64;
const WARM_UP_MS = 3_000;
const MEASURED_MS = 10_000;
const AIM = 4_000;

/**
 * Pub/Sub pushes that intake acknowledges, each once the broker has it. First as many as there can be, by connections that
 * each send one after the other; then at the aim, open loop: an event's latency counts from when it was due, so that a
 * pause of the server can't hide in a pause of the sender.
 */
export async function intakeEvents({ repeats, say }) {
  const runs = [];
  await withFolder((dataDir) =>
    withStack({ dataDir, roles: [{ role: 'intake' }], environment: { PENSTOCK_LOG_LEVEL: 'warn' } }, async (stack) => {
      for (const server of ['temporal', 'clickhouse', 'gcs']) await stack.takeDown(server);
      const pool = new Pool(stack.endpoints().intake, { connections: CONNECTIONS, pipelining: 1 });
      await closedLoop(pool, WARM_UP_MS);
      for (let repeat = 0; repeat < repeats; repeat += 1) {
        const most = await closedLoop(pool, MEASURED_MS);
        const paced = await openLoop(pool, AIM, MEASURED_MS);
        say(
          `${Math.round(most)} acknowledged/s at most; at ${AIM}/s: ${Math.round(paced.rate)}/s, p50 ${paced.p50.toFixed(1)} ms, p99 ${paced.p99.toFixed(1)} ms`,
        );
        runs.push({ most, ...paced });
      }
      await pool.close();
    }),
  );
  const middle = (key) => median(runs.map((run) => run[key]));
  return {
    ...{ name: 'intake.events', unit: 'events/s', value: middle('most'), baseline: AIM, ratio: middle('most') / AIM },
    repeats,
    note: `acknowledged by the broker, ${CONNECTIONS} connections, sender on the same ${availableParallelism()} cores; at ${AIM}/s: p50 ${middle('p50').toFixed(1)} ms, p99 ${middle('p99').toFixed(1)} ms`,
  };
}

async function closedLoop(pool, forMs) {
  const endsAt = performance.now() + forMs;
  let acknowledged = 0;
  const connection = async () => {
    while (performance.now() < endsAt) {
      await post(pool);
      acknowledged += 1;
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  return (acknowledged / (performance.now() - startedAt)) * 1000;
}

async function openLoop(pool, rate, forMs) {
  const latencies = [];
  const open = new Set();
  const startedAt = performance.now();
  const total = Math.floor((rate * forMs) / 1000);
  for (let sent = 0; sent < total;) {
    const due = Math.min(total, Math.floor(((performance.now() - startedAt) * rate) / 1000));
    for (; sent < due; sent += 1) {
      const dueAt = startedAt + (sent * 1000) / rate;
      const one = post(pool)
        .then(() => latencies.push(performance.now() - dueAt))
        .finally(() => open.delete(one));
      open.add(one);
    }
    await sleep(1);
  }
  await Promise.all(open);
  const tookMs = performance.now() - startedAt;
  return { rate: (total / tookMs) * 1000, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) };
}

async function post(pool) {
  const { statusCode, body } = await pool.request({
    ...{ method: 'POST', path: '/events/pubsub', headers: { 'content-type': 'application/json' } },
    body: PUSHES[sent++ % PUSHES.length],
  });
  await body.dump();
  if (statusCode < 200 || statusCode > 299) throw new Error(`intake answers ${statusCode}`);
}

/** Made beforehand, so that the sender takes as little of the shared cores as it can; used in turn. */
const PUSHES = Array.from({ length: 20_000 }, (_, index) => push(index));
let sent = 0;

/** A Cloud Storage notification by Pub/Sub push, as docs/events.md shows it. */
function push(index) {
  const now = new Date().toISOString();
  const resource = {
    ...{ kind: 'storage#object', bucket: 'uploads', name: `bench/${index}.jpg`, generation: String(index + 1) },
    ...{ contentType: 'image/jpeg', size: '120000', timeCreated: now, updated: now, crc32c: 'AAAAAA==' },
  };
  const attributes = {
    ...{ eventType: 'OBJECT_FINALIZE', payloadFormat: 'JSON_API_V1', bucketId: 'uploads' },
    ...{ objectId: resource.name, objectGeneration: resource.generation },
  };
  const data = Buffer.from(JSON.stringify(resource)).toString('base64');
  return JSON.stringify({
    message: { attributes, data, messageId: randomUUID(), publishTime: now },
    subscription: 'projects/bench/subscriptions/uploads',
  });
}
