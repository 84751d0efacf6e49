import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { enqueue, median, namedImages, storedPerSecond, withFolder, withStack } from './measure.mjs';

const IMAGES = 25_600;
const AIM = 12;
const modelDir = fileURLToPath(new URL('./models/noop', import.meta.url));

/**
 * Actions of Temporal, the unit that its cloud is paid by, for 1,000 images in batches of 256: what the server itself
 * counts while they are detected, leases, window and schedules included.
 */
export async function temporalActions({ repeats, say }) {
  const runs = [];
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const actions = await withFolder((dataDir) =>
      withStack({ dataDir, modelDir, environment: SETTINGS }, (stack) => run(stack, dataDir)),
    );
    say(`${actions.toFixed(2)} actions for 1,000 images`);
    runs.push(actions);
  }
  const value = median(runs);
  return {
    ...{ name: 'temporal.actions', unit: 'a 1,000', value, baseline: AIM, ratio: value / AIM, repeats },
    note: `counted by the server, ${IMAGES} images in batches of 256; at most the baseline`,
  };
}

const SETTINGS = { PENSTOCK_BATCH_MAX_IMAGES: '256', PENSTOCK_DETECT_CHILDREN: '1', PENSTOCK_LOG_LEVEL: 'warn' };

async function run(stack, dataDir) {
  const endpoints = stack.endpoints();
  await stack.takeDown('dispatcher');
  await enqueue(endpoints, namedImages(IMAGES), 'noop');
  const before = await actions(dataDir);
  await stack.bringBack('dispatcher');
  await storedPerSecond(endpoints, IMAGES);
  return (((await actions(dataDir)) - before) / (IMAGES * 0.95)) * 1000;
}

/** The server's counter of billable actions in our namespace. */
async function actions(dataDir) {
  const { temporalMetrics } = JSON.parse(await readFile(join(dataDir, 'ports.json'), 'utf8'));
  const response = await fetch(`http://127.0.0.1:${temporalMetrics}/metrics`);
  const lines = (await response.text()).split('\n').filter((line) => /^action\{.*namespace="default"/.test(line));
  if (lines.length === 0) throw new Error('the server counts no actions');
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}
