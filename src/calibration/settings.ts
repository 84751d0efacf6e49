import { availableParallelism } from 'node:os';
import { ConfigError, type Config } from '../config/index.js';
import type { EngineSettings, Model } from '../inference/index.js';
import { CapacityFileError, readCapacityFile, type Capacity } from './capacityFile.js';
import { subjectOf, type Subject } from './device.js';

/** What a detector runs with. */
export interface DetectorSettings extends EngineSettings {
  /** Images a second that it sustains, with headroom; 0: not known, and no cap of its own. */
  imagesPerSecond: number;
  /** Batches that it works on at once. */
  slots: number;
  /**
   * `measured`: at least one of them comes from the capacity file. `configured`: at least one was set and none was
   * measured. `default`: neither.
   */
  source: 'measured' | 'configured' | 'default';
  /** What it runs with and where from, for the log. */
  sentence: string;
  /** Why a capacity file that is there is not used. */
  refusal: string | undefined;
}

/** Good on any machine, best on none: enough to keep a small model busy, too little to fill a device's memory. */
const SAFE = { slots: 4, batch: 8 };

/**
 * The settings of a detector, with the capacity file that PENSTOCK_CAPACITY_FILE names, if it does. Throws ConfigError
 * where that can't be read or is none.
 */
export async function detectorSettings(config: Config, model: Model): Promise<DetectorSettings> {
  const { PENSTOCK_CAPACITY_FILE: path } = config;
  const subject = await subjectOf(config, model);
  if (path === undefined) return settingsOf(undefined, config, subject);
  try {
    return settingsOf(await readCapacityFile(path), config, subject);
  } catch (error) {
    if (!(error instanceof CapacityFileError)) throw error;
    throw new ConfigError(`PENSTOCK_CAPACITY_FILE: ${error.message}`, { cause: error });
  }
}

type Origin = 'measured' | 'configured' | 'default';
interface Setting {
  value: number;
  origin: Origin;
}

/**
 * A variable that was set wins over the file, the file over the default. The rate is what the knee sustains times
 * PENSTOCK_CAPACITY_HEADROOM. A file of another model, provider or device counts as none.
 */
export function settingsOf(capacity: Capacity | undefined, config: Config, subject: Subject): DetectorSettings {
  const refusal = capacity && refusalOf(capacity, subject);
  const knee = refusal === undefined ? capacity?.knee : undefined;
  const headroom = config.PENSTOCK_CAPACITY_HEADROOM;
  const safeChildren = defaultChildren(subject.provider);
  const children = config.PENSTOCK_DETECT_CHILDREN === 0 ? safeChildren : config.PENSTOCK_DETECT_CHILDREN;
  const settings = {
    slots: pick(config.PENSTOCK_DETECT_SLOTS, knee?.slots, SAFE.slots),
    batch: pick(config.PENSTOCK_DETECT_MODEL_BATCH, knee?.batch, SAFE.batch),
    children: pick(children, knee?.children, safeChildren),
    imagesPerSecond: pick(
      config.PENSTOCK_DETECT_IMAGES_PER_SECOND,
      knee && knee.imagesPerSecond.median * headroom,
      UNCAPPED,
    ),
  };
  const origins = new Set(Object.values(settings).map(({ origin }) => origin));
  return {
    slots: settings.slots.value,
    batch: settings.batch.value,
    children: settings.children.value,
    imagesPerSecond: settings.imagesPerSecond.value,
    prepareThreads: preparingThreads(config),
    source: (['measured', 'configured'] as const).find((origin) => origins.has(origin)) ?? 'default',
    sentence: sentenceOf(settings, { capacity: knee && capacity, isRefused: refusal !== undefined, headroom }),
    refusal,
  };
}

/** Child processes where nothing says how many: one for a GPU, one per core on CPUs. */
export function defaultChildren(provider: Subject['provider']): number {
  return provider === 'cpu' ? availableParallelism() : 1;
}

/** Threads that download and decode, in each child process. */
export function preparingThreads(config: Config): number {
  const isCpu = config.PENSTOCK_EXECUTION_PROVIDER === 'cpu';
  return config.PENSTOCK_DECODE_THREADS || (isCpu ? 1 : availableParallelism());
}

const UNCAPPED = 0;

function pick(configured: number | undefined, measured: number | undefined, safe: number): Setting {
  if (configured !== undefined) return { value: configured, origin: 'configured' };
  if (measured !== undefined) return { value: measured, origin: 'measured' };
  return { value: safe, origin: 'default' };
}

function refusalOf({ model, provider, device }: Capacity, subject: Subject): string | undefined {
  const pairs: [what: string, measured: string, here: string][] = [
    ['model', model, subject.model],
    ['provider', provider, subject.provider],
    ['device', `${device.name} (${device.id})`, `${subject.device.name} (${subject.device.id})`],
  ];
  const others = pairs.filter(([, measured, here]) => measured !== here);
  if (others.length === 0) return undefined;
  const differences = others.map(
    ([what, measured, here]) => `it was measured on the ${what} ${measured}, this is ${here}`,
  );
  return `the capacity file is not used: ${differences.join('; ')}`;
}

interface Ground {
  capacity: Capacity | undefined;
  isRefused: boolean;
  headroom: number;
}

function sentenceOf(settings: Record<keyof typeof WORDS, Setting>, ground: Ground): string {
  const of = (wanted: Origin): string =>
    (Object.keys(WORDS) as (keyof typeof WORDS)[])
      .filter((name) => settings[name].origin === wanted)
      .map((name) => WORDS[name](settings[name].value))
      .join(', ');
  const parts: string[] = [];
  if (of('measured') !== '' && ground.capacity) {
    const { measuredAt, knee } = ground.capacity;
    const most = `${round(knee.imagesPerSecond.median)} images/s${knee.isStable ? '' : ', not stable,'} times ${ground.headroom}`;
    parts.push(`${of('measured')}: measured on ${measuredAt.slice(0, 10)} (${most})`);
  }
  if (of('configured') !== '') parts.push(`${of('configured')}: configured`);
  if (of('default') !== '') {
    const why = ground.isRefused ? 'of another model or machine' : 'missing';
    parts.push(`${of('default')}: a safe default, the measurement is ${why}; penstock calibrate makes one`);
  }
  return parts.join('; ');
}

const WORDS = {
  slots: (value: number) => `slots ${value}`,
  batch: (value: number) => `batch ${value}`,
  children: (value: number) => `child processes ${value}`,
  imagesPerSecond: (value: number) => (value === UNCAPPED ? 'no cap' : `at most ${round(value)} images/s`),
};

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
