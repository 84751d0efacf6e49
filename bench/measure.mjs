import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../dist/config/index.js';
import { imageEventsTopic } from '../dist/domain/index.js';
import { roleEnvironment, startStack } from '../dist/embedded/index.js';
import { createProducer } from '../dist/stream/index.js';
import { createLogger } from '../dist/telemetry/index.js';

export const log = createLogger('bench', 'error');

/** A folder that is removed when `work` has ended. */
export async function withFolder(work) {
  const folder = await mkdtemp(join(tmpdir(), 'penstock-bench-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** A stack that is stopped when `work` has ended. */
export async function withStack(options, work) {
  const stack = await startStack({ log, ...options });
  try {
    return await work(stack);
  } finally {
    await stack.stop();
  }
}

/** Puts events into Kafka as intake would, many at once. */
export async function enqueue(endpoints, images, model, traced = 0) {
  const config = loadConfig(roleEnvironment(endpoints));
  const producer = await createProducer({ config, log });
  const now = Date.now();
  for (let from = 0; from < images.length; from += 2000) {
    const records = images.slice(from, from + 2000).map(({ bucket, object, generation }, index) => ({
      key: `${bucket}/${object}`,
      ...(random(traced) ? { headers: { traceparent: newTrace() } } : {}),
      value: JSON.stringify({
        ...{ v: 1, id: `bench-${now}-${from + index}`, bucket, object, generation, model },
        ...{ uploadedAtMs: now, receivedAtMs: now, contentType: 'image/jpeg', sizeBytes: 1 },
      }),
    }));
    await producer.send(imageEventsTopic('bulk'), records);
  }
  await producer.close();
}

const random = (share) => share > 0 && Math.random() < share;
const newTrace = () => `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`;

/**
 * Rows per second between the first tenth and the last twentieth of `total`: start-up and the thinning tail are not the
 * rate of the path. Calls `began` and `ended` at these moments. Throws when nothing moves for a minute.
 */
export async function storedPerSecond(endpoints, total, { already = 0, everyMs = 500, began, ended } = {}) {
  const [from, to] = [0.1, 0.95].map((share) => already + (total - already) * share);
  let start;
  let last = { rows: -1, at: performance.now() };
  for (;;) {
    const rows = await countRows(endpoints);
    const at = performance.now();
    if (rows !== last.rows) last = { rows, at };
    else if (at - last.at > 60_000) throw new Error(`nothing is stored any more: ${rows} of ${total}`);
    if (start === undefined && rows >= from) {
      start = { rows, at };
      began?.();
    } else if (start !== undefined && rows >= to) {
      ended?.();
      return ((rows - start.rows) / (at - start.at)) * 1000;
    }
    await sleep(everyMs);
  }
}

/** Rows of the base table: duplicates would count, so compare with the view where it matters. */
export async function countRows({ clickhouse }, table = 'image_results') {
  const query = encodeURIComponent(`SELECT count() FROM penstock.${table}`);
  const response = await fetch(`${clickhouse}/?query=${query}`);
  if (!response.ok) throw new Error(await response.text());
  return Number(await response.text());
}

/** Images that need not exist: the model of these benchmarks looks at none. */
export function namedImages(count) {
  return Array.from({ length: count }, (_, index) => ({
    ...{ bucket: 'uploads', object: `bench/2026/${index}.jpg`, generation: String(1_700_000_000_000_000 + index) },
  }));
}

/** Of numbers in any order; the nearest rank. */
export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
