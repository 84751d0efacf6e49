import { availableParallelism, loadavg } from 'node:os';
import type { Config } from '../config/index.js';
import type { Model } from '../inference/index.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import type { Capacity, Ceiling, Point } from './capacityFile.js';
import { subjectOf, type Subject } from './device.js';
import { EngineLoad } from './engineLoad.js';
import { CalibrationChoiceError } from './errors.js';
import { isBetter, kneeOf } from './knee.js';
import { PartProcesses, type Hold } from './partProcesses.js';
import type { PartOptions } from './partProtocol.js';
import { bottleneckOf, coresPerDevice, type Part } from './parts.js';
import { openPictures, type PictureChoice, type Pictures } from './pictures.js';
import { REQUEST_IMAGES } from './requests.js';
import { defaultChildren, preparingThreads } from './settings.js';
import { PATIENCE, sweep, type Candidates, type Setting } from './sweep.js';
import { rounded } from './windows.js';

export interface CalibrationOptions {
  /** Provider, device, limits, address of the storage; its PENSTOCK_DETECT_* are not looked at. */
  config: Config;
  model: Model;
  pictures: PictureChoice;
  /** Bound on the 95th percentile of the latency of an image. */
  latencyBoundMs: number;
  /** Fewer points, held for a shorter time: within 40 s on two cores, and less exact. */
  isQuick: boolean;
  log: Logger;
  metrics: Metrics;
  /** Is told what goes on, a sentence at a time. */
  say: (sentence: string) => void;
}

interface Plan {
  part: Hold;
  engine: Hold;
  batches: readonly [number, ...number[]];
  slots: readonly [number, ...number[]];
}

const THOROUGH: Plan = {
  part: { windowMs: 500, warmUp: 2, most: 10 },
  engine: { windowMs: 800, warmUp: 2, most: 10 },
  batches: [1, 2, 4, 8, 16, 32, 64],
  slots: [1, 2, 4, 8, 16],
};
const QUICK: Plan = {
  part: { windowMs: 250, warmUp: 2, most: 8 },
  engine: { windowMs: 400, warmUp: 2, most: 7 },
  batches: [1, 8],
  slots: [1, 4],
};
/** Share of the cores that others may use before it is said. */
const BUSY = 0.3;
/** Requests in flight while batches are compared: enough for the largest to be filled. */
const SLOTS_FIRST = 4;

/**
 * Measures what this machine and model sustain: each part of the path alone, then the whole engine at a number of
 * settings. Throws CalibrationChoiceError for pictures or a provider that are not there, CalibrationError where the
 * model does not run.
 */
export async function calibrate(options: CalibrationOptions): Promise<Capacity> {
  const { config, model, latencyBoundMs, say } = options;
  const plan = options.isQuick ? QUICK : THOROUGH;
  if (model.file === null) throw new CalibrationChoiceError(`${model.id} runs no model: there is nothing to measure`);
  const [load = 0] = loadavg();
  if (load > BUSY * availableParallelism())
    say(`Other programs are using this machine (load average ${load.toFixed(1)}): it will seem to sustain less.`);
  const subject = await subjectOf(config, model);
  const pictures = await openPictures(options.pictures, { config, model, say });
  try {
    const { ceilings, maxBatch } = await measureParts(options, plan, pictures);
    const points = await measureEngine(options, plan, { pictures, maxBatch, provider: subject.provider });
    return {
      v: 1,
      measuredAt: new Date().toISOString(),
      ...subject,
      cores: availableParallelism(),
      pictures: {
        source: pictures.source,
        count: pictures.images.length,
        meanBytes: pictures.meanBytes,
        overNetwork: pictures.overNetwork,
      },
      ceilings,
      bottleneck: bottleneckOf(ceilings),
      coresPerDevice: rounded(coresPerDevice(ceilings)),
      requestImages: REQUEST_IMAGES,
      latencyBoundMs,
      points,
      knee: kneeOf(points, latencyBoundMs),
    };
  } finally {
    await pictures.close();
  }
}

async function measureParts(
  options: CalibrationOptions,
  plan: Plan,
  pictures: Pictures,
): Promise<{ ceilings: Capacity['ceilings']; maxBatch: number }> {
  const { config, say } = options;
  const children = defaultChildren(config.PENSTOCK_EXECUTION_PROVIDER);
  const open = (part: Part): ReturnType<typeof PartProcesses.open> =>
    PartProcesses.open(children, partOptions(part, options, pictures));
  const alone = async (part: Part): Promise<Ceiling> => {
    const { processes } = await open(part);
    try {
      const ceiling = await processes.hold(1, plan.part);
      say(`${part} alone: ${told(ceiling)}`);
      return ceiling;
    } finally {
      processes.close();
    }
  };
  // First, so that a provider or a model that does not serve is said at once.
  const { model, maxBatch } = await measureModel(open('model'), plan, say);
  const download = await alone('download');
  const decode = await alone('decode');
  return { ceilings: { download, decode, model }, maxBatch };
}

/** The smallest batch that no other beats by 5 %; larger ones are left out after two in a row that don't. */
async function measureModel(
  opening: ReturnType<typeof PartProcesses.open>,
  plan: Plan,
  say: CalibrationOptions['say'],
): Promise<{ model: Capacity['ceilings']['model']; maxBatch: number }> {
  const { processes, maxBatch } = await opening;
  const hold = async (batch: number): Promise<Capacity['ceilings']['model']> => {
    const ceiling = await processes.hold(batch, plan.part);
    say(`model alone, batch ${batch}: ${told(ceiling)}`);
    return { ...ceiling, batch };
  };
  try {
    const [first, ...larger] = upTo(plan.batches, maxBatch);
    let model = await hold(first);
    let misses = 0;
    for (const batch of larger) {
      const next = await hold(batch);
      const isLarger = isBetter(next.imagesPerSecond.median, model.imagesPerSecond.median);
      misses = isLarger ? 0 : misses + 1;
      if (isLarger) model = next;
      if (misses === PATIENCE) break;
    }
    return { model, maxBatch };
  } finally {
    processes.close();
  }
}

function partOptions(part: Part, { config, model }: CalibrationOptions, pictures: Pictures): PartOptions {
  return {
    part,
    modelDir: model.dir,
    provider: config.PENSTOCK_EXECUTION_PROVIDER,
    deviceId: config.PENSTOCK_DEVICE_ID,
    intraOpThreads: config.PENSTOCK_DETECT_THREADS,
    prepareThreads: preparingThreads(config),
    storage: pictures.storage,
    limits: { maxPixels: config.PENSTOCK_IMAGE_MAX_PIXELS, timeoutMs: config.PENSTOCK_IMAGE_TIMEOUT_MS },
    images: pictures.images,
  };
}

async function measureEngine(
  options: CalibrationOptions,
  plan: Plan,
  { pictures, maxBatch, provider }: { pictures: Pictures; maxBatch: number; provider: Subject['provider'] },
): Promise<[Point, ...Point[]]> {
  const { model, log, metrics, latencyBoundMs, say } = options;
  const { endpoint, projectId } = pictures.storage;
  const config = { ...options.config, PENSTOCK_GCS_ENDPOINT: endpoint, PENSTOCK_GCS_PROJECT: projectId };
  const prepareThreads = preparingThreads(config);
  let load: (Setting & { engine: EngineLoad }) | undefined;
  const measure = async (setting: Setting): Promise<Point> => {
    if (load?.children !== setting.children || load.batch !== setting.batch) {
      await load?.engine.close();
      const settings = { children: setting.children, batch: setting.batch, prepareThreads };
      const engine = await EngineLoad.open({ config, model, log, metrics, images: pictures.images, settings });
      load = { ...setting, engine };
    }
    const point = await load.engine.hold(setting.slots, plan.engine);
    const { children, batch, slots, imagesPerSecond, imageLatencyMs } = point;
    say(
      `all together, children ${children}, batch ${batch}, slots ${slots}: ${imagesPerSecond.median.toFixed(0)} images/s, p95 ${imageLatencyMs.p95.toFixed(0)} ms`,
    );
    return point;
  };
  const candidates: Candidates = {
    batches: upTo(plan.batches, maxBatch),
    slots: plan.slots,
    children: options.isQuick ? [defaultChildren(provider)] : childCandidates(provider),
  };
  const first = { children: defaultChildren(provider), batch: candidates.batches[0], slots: SLOTS_FIRST };
  try {
    return await sweep(measure, candidates, { first, latencyBoundMs });
  } finally {
    await load?.engine.close();
  }
}

/** On CPUs each takes a core; on a GPU a second or third one fills the gaps between the runs of the others. */
function childCandidates(provider: Subject['provider']): [number, ...number[]] {
  if (provider !== 'cpu') return [1, 2, 3, 4];
  const cores = availableParallelism();
  return cores === 1 ? [1] : [Math.ceil(cores / 2), cores];
}

/** Those that one model run takes; a model of a fixed batch has that one. */
function upTo(batches: readonly [number, ...number[]], most: number): [number, ...number[]] {
  const [first, ...rest] = batches.filter((batch) => batch <= most);
  return first === undefined || most === 1 ? [1] : [first, ...rest];
}

function told({ imagesPerSecond, isStable }: Ceiling): string {
  return `${imagesPerSecond.median.toFixed(0)} images/s${isStable ? '' : ', not stable'}`;
}
