import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import { parse, stringify } from 'yaml';
import type { Detection } from '../../../src/domain/index.js';
import {
  prepareImage,
  tensorLength,
  type InputSpec,
  type Model,
  type ModelSession,
  type Prepared,
} from '../../../src/inference/model/index.js';

const ROOT = resolve(import.meta.dirname, '../../..');

/** The default model, in the repository. */
export const SHAPES_DIR = join(ROOT, 'models/shapes');

/** Models and photos of other projects lie beside the checkout, where they are there at all. */
export const SHARED = resolve(ROOT, '../shared');
export const hasShared = existsSync(join(SHARED, 'models')) && existsSync(join(SHARED, 'photos'));

export const LIMITS = { maxPixels: 10_000_000, timeoutMs: 30_000 };
export const CPU = { provider: 'cpu', deviceId: 0, threads: 1 } as const;

export function photo(name: string): Promise<Buffer> {
  return readFile(join(SHARED, 'photos', name));
}

/** A tensor for some images, in shared memory as in the detector. */
export function sharedTensor(input: InputSpec, images = 1): Float32Array | Uint8Array {
  const length = tensorLength(input) * images;
  return input.type === 'uint8'
    ? new Uint8Array(new SharedArrayBuffer(length))
    : new Float32Array(new SharedArrayBuffer(length * 4));
}

export async function detect(
  session: ModelSession,
  model: Model,
  picture: Uint8Array,
): Promise<{ prepared: Prepared; detections: Detection[] }> {
  const tensor = sharedTensor(model.input);
  const prepared = await prepareImage(picture, model.input, LIMITS, tensor);
  return { prepared, detections: session.detections(await session.run(tensor, 1), 0, prepared) };
}

export type Settings = Record<string, unknown>;

/** A folder with the shapes model whose model.yaml was changed; removed when the test ends. */
export async function changedModel(change: (settings: Settings) => void = () => undefined): Promise<string> {
  const dir = await temporaryFolder();
  await cp(join(SHAPES_DIR, 'shapes.onnx'), join(dir, 'shapes.onnx'));
  const settings: Settings = parse(await readFile(join(SHAPES_DIR, 'model.yaml'), 'utf8')) as Settings;
  change(settings);
  await writeFile(join(dir, 'model.yaml'), stringify(settings));
  return dir;
}

export async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'penstock-model-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}
