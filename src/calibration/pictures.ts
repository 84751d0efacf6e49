import { readdir, readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Config } from '../config/index.js';
import type { ImageRef } from '../domain/index.js';
import { ImageError, prepareImage, tensorLength, type Model } from '../inference/index.js';
import { scene } from '../scenes/index.js';
import { createObjectLister, createObjectReader, type StorageOptions } from '../storage/index.js';
import { CalibrationChoiceError } from './errors.js';
import { startLoopback } from './loopback.js';

/** Which pictures to measure with. */
export type PictureChoice =
  { kind: 'scenes' } | { kind: 'folder'; folder: string } | { kind: 'bucket'; bucket: string; prefix: string };

/** Pictures that can be downloaded and decoded, again and again. */
export interface Pictures {
  images: ImageRef[];
  storage: StorageOptions;
  /** For a person. */
  source: string;
  meanBytes: number;
  /** False: their server is on this machine. */
  overNetwork: boolean;
  close: () => Promise<void>;
}

/** Enough for their sizes to average out; they are in the memory of every thread that decodes. */
const MOST_PICTURES = 64;
const MOST_BYTES = 64_000_000;

/** Throws CalibrationChoiceError where there is none that can be decoded; those that can't are left out, and `say` tells. */
export async function openPictures(
  choice: PictureChoice,
  { config, model, say }: { config: Config; model: Model; say: (sentence: string) => void },
): Promise<Pictures> {
  const { PENSTOCK_IMAGE_MAX_BYTES: maxBytes, PENSTOCK_IMAGE_TIMEOUT_MS: timeoutMs } = config;
  const { PENSTOCK_GCS_ENDPOINT: endpoint, PENSTOCK_GCS_PROJECT: projectId } = config;
  const isGood = checkOf(config, model);
  if (choice.kind === 'bucket') {
    const storage = { endpoint, projectId, maxBytes, timeoutMs };
    const source = `gs://${choice.bucket}/${choice.prefix}`;
    const found = await objectsOf(choice, storage);
    const good = await keepGood(found, { isGood, source, say });
    const overNetwork = endpoint === undefined || !isLoopback(endpoint);
    const images = good.map(({ item }) => item);
    return { images, storage, source, meanBytes: meanOf(good), overNetwork, close: () => Promise.resolve() };
  }
  const { source, load } = choice.kind === 'scenes' ? scenes() : await folderOf(choice.folder);
  const good = await keepGood(load, { isGood, source, say });
  const { images, endpoint: own, close } = await startLoopback(good.map(({ bytes }) => bytes));
  return {
    images,
    storage: { endpoint: own, maxBytes, timeoutMs },
    source,
    meanBytes: meanOf(good),
    overNetwork: false,
    close,
  };
}

/** A picture that is loaded when its turn comes; undefined bytes where that fails. */
interface Loadable<T> {
  name: string;
  item: T;
  load: () => Promise<Buffer | undefined>;
}

async function keepGood<T>(
  all: readonly Loadable<T>[],
  { isGood, source, say }: { isGood: (bytes: Buffer) => Promise<boolean>; source: string; say: (text: string) => void },
): Promise<{ item: T; bytes: Buffer }[]> {
  const good: { item: T; bytes: Buffer }[] = [];
  const bad: string[] = [];
  let total = 0;
  for (const { name, item, load } of all) {
    if (good.length === MOST_PICTURES || total >= MOST_BYTES) break;
    const bytes = await load();
    if (bytes === undefined || !(await isGood(bytes))) {
      bad.push(name);
      continue;
    }
    good.push({ item, bytes });
    total += bytes.length;
  }
  if (good.length === 0) throw new CalibrationChoiceError(`There is no picture that can be read in ${source}.`);
  if (bad.length > 0)
    say(
      `Left out, as they can't be read or decoded: ${bad.slice(0, 5).join(', ')}${bad.length > 5 ? ` and ${bad.length - 5} more` : ''}.`,
    );
  return good;
}

function meanOf(good: readonly { bytes: Buffer }[]): number {
  return Math.round(good.reduce((sum, { bytes }) => sum + bytes.length, 0) / good.length);
}

function checkOf(config: Config, { input }: Model): (bytes: Buffer) => Promise<boolean> {
  const length = tensorLength(input);
  const target = input.type === 'uint8' ? new Uint8Array(length) : new Float32Array(length);
  const limits = { maxPixels: config.PENSTOCK_IMAGE_MAX_PIXELS, timeoutMs: config.PENSTOCK_IMAGE_TIMEOUT_MS };
  return async (bytes) => {
    try {
      await prepareImage(bytes, input, limits, target);
      return true;
    } catch (error) {
      if (error instanceof ImageError) return false;
      throw error;
    }
  };
}

function scenes(): { source: string; load: Loadable<undefined>[] } {
  const load = Array.from({ length: MOST_PICTURES }, (_, index) => ({
    name: `scene ${index}`,
    item: undefined,
    load: async () => (await scene(`calibrate-${index}`)).jpeg,
  }));
  return { source: 'generated scenes', load };
}

async function folderOf(folder: string): Promise<{ source: string; load: Loadable<undefined>[] }> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw new CalibrationChoiceError(
      `${folder} can not be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
  const names = entries.flatMap((entry) => (entry.isFile() ? [entry.name] : [])).sort();
  const load = names.map((name) => ({
    name,
    item: undefined,
    load: () => readFile(join(folder, name)).catch(() => undefined),
  }));
  return { source: `the folder ${basename(resolve(folder))}`, load };
}

async function objectsOf(
  { bucket, prefix }: { bucket: string; prefix: string },
  storage: StorageOptions,
): Promise<Loadable<ImageRef>[]> {
  // Twice as many as are taken, so that a few that are no pictures cost nothing.
  const listed = await createObjectLister(storage).list({ bucket, prefix, limit: 2 * MOST_PICTURES });
  if (listed.kind !== 'page')
    throw new CalibrationChoiceError(`gs://${bucket}/${prefix} can not be listed: ${listed.kind}: ${listed.detail}`);
  const reader = createObjectReader(storage);
  return listed.resources.flatMap((resource) => {
    const { name, generation } = resource as { name?: unknown; generation?: unknown };
    if (typeof name !== 'string' || typeof generation !== 'string') return [];
    const image = { bucket, object: name, generation };
    const load = async (): Promise<Buffer | undefined> => {
      const read = await reader.read(image);
      return read.kind === 'bytes' ? read.bytes : undefined;
    };
    return [{ name, item: image, load }];
  });
}

function isLoopback(endpoint: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(endpoint).hostname);
}
