import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { loadConfig, type Config } from '../../config/index.js';
import type { Detection } from '../../domain/index.js';
import { modelFolder, StackError } from '../../embedded/index.js';
import {
  ImageError,
  loadModel,
  MisfitError,
  ModelError,
  openSession,
  prepareImage,
  ProviderError,
  tensorLength,
  type Model,
  type ModelSession,
  type Prepared,
  type TensorInfo,
} from '../../inference/index.js';
import { annotate, scene, SHAPES, type SceneObject } from '../../scenes/index.js';
import { reasonOf } from '../../telemetry/index.js';
import { UsageError } from '../verb.js';

export interface CheckFlags {
  image?: string;
  out: string;
  json?: boolean;
}

/** What `penstock model check --json` prints. Fields are only added; null stands for what it did not get to. */
export interface CheckReport {
  /** The model can be used. */
  ok: boolean;
  /** What is wrong, each with the file, the keys of model.yaml to look at, and what would be right. */
  problems: string[];
  model: (Pick<Model, 'id' | 'dir' | 'file' | 'license' | 'input' | 'output'> & { classes: number }) | null;
  /** Execution provider. */
  provider: string;
  onnx: { inputs: readonly TensorInfo[]; outputs: readonly TensorInfo[] } | null;
  /** Pictures in one run: the fixed batch dimension, or `dynamic`. */
  batch: number | 'dynamic' | null;
  run: CheckRun | null;
}

export interface CheckRun {
  picture: string;
  width: number;
  height: number;
  /** Decoding and resizing; the median of a few times. */
  prepareMs: number;
  /** One run of the model; the median of a few times. */
  modelMs: number;
  detections: Detection[];
  /** The picture with its boxes. */
  out: string;
}

/**
 * Loads a model, opens it as a detector would and lets it look at a picture. What is wrong with the model is in the
 * report; throws UsageError for what is wrong with the question.
 */
export async function checkModel(
  folder: string,
  flags: CheckFlags,
  environment: NodeJS.ProcessEnv,
): Promise<CheckReport> {
  const config = loadConfig(environment);
  const dir = folderOf(folder);
  const format = formatOf(flags.out);
  const picture = await loadPicture(flags.image);
  const nothing: CheckReport = {
    ok: false,
    problems: [],
    model: null,
    provider: config.PENSTOCK_EXECUTION_PROVIDER,
    onnx: null,
    batch: null,
    run: null,
  };
  let found = nothing;
  try {
    const loaded = await loadModel(dir);
    found = { ...nothing, model: describe(loaded) };
    const session = await openSession(loaded, {
      provider: config.PENSTOCK_EXECUTION_PROVIDER,
      deviceId: config.PENSTOCK_DEVICE_ID,
      threads: config.PENSTOCK_DETECT_THREADS,
    });
    try {
      const { inputs, outputs, maxBatch } = session;
      found = { ...found, onnx: { inputs, outputs }, batch: Number.isFinite(maxBatch) ? maxBatch : 'dynamic' };
      return { ...found, ok: true, run: await look(loaded, session, picture, { out: flags.out, format }, config) };
    } finally {
      await session.close();
    }
  } catch (error) {
    if (error instanceof ProviderError) throw new UsageError(`PENSTOCK_EXECUTION_PROVIDER: ${error.message}`);
    if (!(error instanceof ModelError)) throw error;
    const onnx = error instanceof MisfitError ? { inputs: error.inputs, outputs: error.outputs } : found.onnx;
    return { ...found, onnx, problems: error.message.split('\n') };
  }
}

type Format = 'jpeg' | 'png';

function formatOf(out: string): Format {
  if (/\.jpe?g$/i.test(out)) return 'jpeg';
  if (/\.png$/i.test(out)) return 'png';
  throw new UsageError(`--out ${out}: the name of a JPEG or PNG, like boxes.jpg`);
}

function folderOf(nameOrFolder: string): string {
  try {
    return modelFolder(nameOrFolder);
  } catch (error) {
    throw error instanceof StackError ? new UsageError(error.message) : error;
  }
}

function describe({ id, dir, file, license, input, output, classes }: Model): CheckReport['model'] {
  return { id, dir, file, license, input, output, classes: classes.length };
}

interface Picture {
  name: string;
  bytes: Buffer;
  /** What is in it, where that is known. */
  truth: readonly SceneObject[];
}

/** A scene with four different shapes, all of which the default model finds. */
const SCENE_SEED = 'check-28';

async function loadPicture(file: string | undefined): Promise<Picture> {
  if (file === undefined) {
    const { jpeg, objects } = await scene(SCENE_SEED, { width: 640, height: 480 });
    return { name: 'a generated scene', bytes: jpeg, truth: objects };
  }
  try {
    return { name: basename(file), bytes: await readFile(file), truth: [] };
  } catch (error) {
    throw new UsageError(`--image ${file}: ${reasonOf(error)}`);
  }
}

/** Enough for a median that one slow run does not move. */
const TIMES = 5;

async function look(
  model: Model,
  session: ModelSession,
  picture: Picture,
  { out, format }: { out: string; format: Format },
  config: Config,
): Promise<CheckRun> {
  const length = tensorLength(model.input);
  const tensor = model.input.type === 'uint8' ? new Uint8Array(length) : new Float32Array(length);
  const limits = { maxPixels: config.PENSTOCK_IMAGE_MAX_PIXELS, timeoutMs: config.PENSTOCK_IMAGE_TIMEOUT_MS };
  const prepare = (): Promise<Prepared> => prepareImage(picture.bytes, model.input, limits, tensor);
  const prepared = await timed(() => prepare().catch(notAPicture(picture.name)));
  const outputs = await timed(() => session.run(tensor, 1));
  const detections = session.detections(outputs.result, 0, prepared.result);
  const knowsShapes = SHAPES.every((shape) => model.classes.includes(shape));
  try {
    await writeFile(out, await annotate(picture.bytes, detections, knowsShapes ? picture.truth : [], format));
  } catch (error) {
    throw new UsageError(`--out ${out}: ${reasonOf(error)}`);
  }
  const { width, height } = prepared.result;
  return { picture: picture.name, width, height, prepareMs: prepared.ms, modelMs: outputs.ms, detections, out };
}

function notAPicture(name: string): (error: unknown) => never {
  return (error) => {
    throw error instanceof ImageError ? new UsageError(`--image ${name}: ${error.reason}: ${error.message}`) : error;
  };
}

/** The last result, and the median of the times it took, in milliseconds to the hundredth. */
async function timed<T>(work: () => Promise<T>): Promise<{ result: T; ms: number }> {
  const times: number[] = [];
  const once = async (): Promise<T> => {
    const begun = performance.now();
    const result = await work();
    times.push(performance.now() - begun);
    return result;
  };
  let result = await once();
  while (times.length < TIMES) result = await once();
  const median = times.sort((a, b) => a - b)[Math.trunc(TIMES / 2)] ?? 0;
  return { result, ms: Math.round(median * 100) / 100 };
}
