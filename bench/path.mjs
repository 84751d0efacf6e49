import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Kafka, logLevel } from 'kafkajs';
import { imageEventsTopic, IMAGE_RESULTS_TOPIC } from '../dist/domain/index.js';
import { cpuSeconds } from './cpu.mjs';
import { countRows, enqueue, median, namedImages, storedPerSecond, withFolder, withStack } from './measure.mjs';

const IMAGES = 60_000;
/** One workflow an image is some 25 a second: more would only take longer. */
const IMAGES_ALONE = 1_000;
const KILLED_AFTER = 0.3;
const modelDir = fileURLToPath(new URL('./models/noop', import.meta.url));

/** Share of the images that are traced, as it is unless it is set. */
const TRACED = 0.001;

/** Batches as large as their bound of bytes allows: a batch costs Temporal the same whatever its size. */
const LARGE = { PENSTOCK_BATCH_MAX_IMAGES: '1024', PENSTOCK_DETECT_CHILDREN: '1', PENSTOCK_LOG_LEVEL: 'warn' };

/**
 * What the path itself can carry: a model that does nothing, pictures that need no download. The backlog stands in Kafka
 * before anything reads it; measured from there to rows in ClickHouse. Beside it a plain consumer and producer, and the
 * same program with one workflow an image; the three alternate. Then the first two again, each killed in the middle.
 */
export async function path({ repeats, say }) {
  const runs = { noop: [], plain: [], alone: [] };
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    runs.noop.push(await measured('path.noop', { images: IMAGES, environment: LARGE }, say));
    runs.plain.push(await measured('path.plainKafka', { images: IMAGES, environment: LARGE, isPlain: true }, say));
    const environment = { ...LARGE, PENSTOCK_BATCH_MAX_IMAGES: '1' };
    runs.alone.push(await measured('path.workflowPerImage', { images: IMAGES_ALONE, environment }, say));
  }
  const killed = await measured('path.noop, detector killed', { images: IMAGES, environment: LARGE, kill: true }, say);
  const plainKilled = await measured(
    'path.plainKafka, killed',
    { images: IMAGES, environment: LARGE, isPlain: true, kill: true },
    say,
  );
  const rate = (of) => median(of.map((run) => run.rate));
  const cpu = (of) => `${median(of.map((run) => run.cpuMs)).toFixed(2)} CPU ms an image`;
  const afterKill = ({ lost, twice }) => `after kill -9: ${lost} lost, ${twice} done twice`;
  const ratio = (name) => median(runs.noop.map((run, index) => run.rate / runs[name][index].rate));
  const common = { unit: 'images/s', repeats };
  const where = `Kafka to ClickHouse, everything on ${availableParallelism()} cores`;
  return [
    {
      ...{ name: 'path.noop', value: rate(runs.noop), baseline: 4000, ratio: rate(runs.noop) / 4000, ...common },
      note: `${where}; ${cpu(runs.noop)}; ${afterKill(killed)}; baseline is the floor`,
    },
    {
      ...{
        name: 'path.plainKafka',
        value: rate(runs.plain),
        baseline: rate(runs.noop),
        ratio: ratio('plain'),
        ...common,
      },
      note: `a consumer and producer without durable state, in place of three roles; ${cpu(runs.plain)}; ${afterKill(plainKilled)}; ratio: path.noop to it`,
    },
    {
      ...{ name: 'path.workflowPerImage', value: rate(runs.alone), baseline: rate(runs.noop) },
      ...{ ratio: ratio('alone'), ...common },
      note: `batches of one; ${cpu(runs.alone)}; ratio: path.noop to it`,
    },
  ];
}

/** The same path while a thousandth of the images, and all of them, are traced into a collector that takes everything. */
export async function tracing({ repeats, say }) {
  const collector = createServer((request, response) => request.resume().once('end', () => response.end('{}')));
  await once(collector.listen(0, '127.0.0.1'), 'listening');
  const environment = { ...LARGE, OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.address().port}` };
  const runs = { off: [], some: [], all: [] };
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    runs.off.push(await measured('nothing traced', { images: IMAGES, environment: LARGE }, say));
    runs.some.push(await measured('a thousandth traced', { images: IMAGES, environment, traced: TRACED }, say));
    runs.all.push(await measured('all traced', { images: IMAGES, environment, traced: 1 }, say));
  }
  collector.close();
  const rate = (of) => median(of.map((run) => run.rate));
  const ratio = (of) => median(of.map((run, index) => run.rate / runs.off[index].rate));
  const cpu = (of) => `${median(of.map((run) => run.cpuMs)).toFixed(3)}`;
  return [
    {
      ...{ name: 'path.traced', unit: 'images/s', value: rate(runs.some), baseline: rate(runs.off) },
      ...{ ratio: ratio(runs.some), repeats },
      note: `one image in a thousand, into a collector in the same process; CPU ms an image ${cpu(runs.some)}, untraced ${cpu(runs.off)}; every image traced: ${ratio(runs.all).toFixed(2)} of the rate, ${cpu(runs.all)} CPU ms`,
    },
  ];
}

/** One run in a stack of its own. `kill`: ends who detects in the middle, with SIGKILL. */
async function measured(name, { images, environment, isPlain = false, kill = false, traced = 0 }, say) {
  const run = await withFolder((dataDir) =>
    withStack({ dataDir, modelDir, environment }, async (stack) => {
      const endpoints = stack.endpoints();
      await stack.takeDown('dispatcher');
      await enqueue(endpoints, namedImages(images), 'noop', traced);
      const plain = isPlain ? new Plain(endpoints) : undefined;
      try {
        if (plain === undefined) await stack.bringBack('dispatcher');
        else {
          await Promise.all(['detector', 'orchestrator'].map((role) => stack.takeDown(role)));
          await plain.start();
        }
        const killing = kill ? killInTheMiddle(stack, images, plain) : undefined;
        let before;
        let after;
        const rate = await storedPerSecond(endpoints, images, {
          began: () => (before = cpuSeconds()),
          ended: () => (after = cpuSeconds()),
        });
        await killing;
        const stored = await allStored(endpoints, images);
        const produced = await resultsProduced(endpoints);
        const cpuMs = ((after - before) * 1000) / (images * 0.85);
        return { rate, cpuMs, lost: images - stored, twice: produced - stored };
      } finally {
        await plain?.stop();
      }
    }),
  );
  if (run.lost > 0 && !isPlain) throw new Error(`${name}: ${run.lost} of ${images} images are not counted`);
  say(
    `${name}: ${Math.round(run.rate)} images/s, ${run.cpuMs.toFixed(2)} CPU ms an image, ${run.lost} lost, ${run.twice} twice`,
  );
  return run;
}

class Plain {
  #child;

  constructor({ kafka }) {
    this.options = JSON.stringify({ kafka, events: imageEventsTopic('bulk'), results: IMAGE_RESULTS_TOPIC });
  }

  async start() {
    this.#child = fork(fileURLToPath(new URL('./plainKafka.mjs', import.meta.url)), [this.options]);
    await once(this.#child, 'message');
  }

  async stop() {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

async function killInTheMiddle(stack, images, plain) {
  while ((await countRows(stack.endpoints())) < images * KILLED_AFTER) await sleep(50);
  if (plain === undefined) {
    process.kill(stack.endpoints().pids.detector, 'SIGKILL');
    return;
  }
  await plain.stop();
  await plain.start();
}

/** Images in the view, once there are as many as there should be, or no more have come for half a minute. */
async function allStored(endpoints, images) {
  let last = { count: -1, at: performance.now() };
  for (;;) {
    const count = await countRows(endpoints, 'images');
    if (count >= images) return count;
    if (count !== last.count) last = { count, at: performance.now() };
    else if (performance.now() - last.at > 30_000) return count;
    await sleep(200);
  }
}

/** Results that were ever written to the topic. */
async function resultsProduced({ kafka }) {
  const admin = new Kafka({ brokers: [kafka], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const partitions = await admin.fetchTopicOffsets(IMAGE_RESULTS_TOPIC);
    return partitions.reduce((sum, { high }) => sum + Number(high), 0);
  } finally {
    await admin.disconnect();
  }
}
