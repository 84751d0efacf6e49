import { execFile } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { Crc32c } from '../dist/storage/checksum.js';
import { OBJECT, ordersCsv, ordersManifest, ordersOutcome, uploadOrders } from './datasetOrders.mjs';
import { apply, DATASET_ROLES, runToEnd, withDatasets } from './datasets.mjs';
import { withFolder, withStack } from './measure.mjs';

/** Of some 127 bytes: 5 GB. */
const ROWS = 39_500_000;
const AIM_MB = 1_000;

/**
 * The most memory that an ingester ever had resident, DuckDB's included, for one file of 5 GB in the bucket. The run is
 * held against what it has to come to. Once: it takes many minutes, and its answer hardly differs.
 */
export async function datasetMemory({ rows = ROWS, say }) {
  const { peakMb, bytes, seconds } = await withFolder((dataDir) =>
    withStack({ dataDir, roles: DATASET_ROLES, environment: { PENSTOCK_LOG_LEVEL: 'warn' } }, (stack) =>
      withDatasets(stack, async (datasets) => {
        const bytes = await place(datasets.endpoints, dataDir, rows);
        const { bucket, pids } = datasets.endpoints;
        await apply(datasets, [
          ordersManifest('orders', `{ type: objects, bucket: ${bucket}, match: ['orders/*.csv'] }`),
        ]);
        const startedAt = performance.now();
        const { counts } = await runToEnd(datasets, 'orders');
        for (const [name, count] of Object.entries(ordersOutcome(rows)))
          if (counts[name] !== count) throw new Error(`${name}: ${counts[name]} of ${count}`);
        const took = (performance.now() - startedAt) / 1_000;
        return { peakMb: peakMbOf(pids.ingester), bytes, seconds: took };
      }),
    ),
  );
  say(`${peakMb.toFixed(0)} MB at most, ${(bytes / 1e9).toFixed(2)} GB in ${seconds.toFixed(0)} s`);
  return {
    ...{ name: 'dataset.memory', unit: 'MB', value: peakMb, baseline: AIM_MB, ratio: peakMb / AIM_MB, repeats: 1 },
    note: `an ingester's memory (VmHWM) for one CSV of ${(bytes / 1e9).toFixed(2)} GB and ${rows} rows in the bucket, in ${seconds.toFixed(0)} s on ${availableParallelism()} cores; at most the baseline for 5 GB`,
  };
}

/** What the emulator knows of an object is in an attribute of its file, where Node can't write. */
const SET_CHECKSUM = `
import json, os, sys
known = json.loads(os.getxattr(sys.argv[1], 'user.metadata'))
known['Crc32c'] = sys.argv[2]
os.setxattr(sys.argv[1], 'user.metadata', json.dumps(known).encode())
`;

/** The emulator holds an upload in memory as a whole: so a short one is made, and the file written where it keeps that. */
async function place(endpoints, dataDir, rows) {
  await uploadOrders(endpoints, 1);
  const path = join(dataDir, 'gcs', endpoints.bucket, OBJECT);
  const crc = new Crc32c();
  const parts = Readable.from(ordersCsv(rows)).map((part) => {
    const bytes = Buffer.from(part);
    crc.update(bytes);
    return bytes;
  });
  await pipeline(parts, createWriteStream(path));
  await promisify(execFile)('python3', ['-c', SET_CHECKSUM, path, crc.digest()]);
  return (await stat(path)).size;
}

/** proc(5): the peak of what was resident, in kB of 1,024 bytes. */
function peakMbOf(pid) {
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return (Number(found[1]) * 1_024) / 1e6;
}
