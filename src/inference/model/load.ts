import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parse, YAMLParseError } from 'yaml';
import { ModelError } from './errors.js';
import { describeIssues, modelFileSchema, type InputSpec, type ModelFile, type OutputSpec } from './spec.js';

/** A model folder that was read and checked. Plain, so it can be sent to threads and child processes. */
export interface Model {
  name: string;
  /** 12 hex digits: SHA-256 over the ONNX bytes and every setting that changes what is detected. */
  hash: string;
  /** `name@hash`, the identity under which results are stored. */
  id: string;
  dir: string;
  /** Path of the ONNX file; null for a model that does nothing (decoder `none`). */
  file: string | null;
  license: string;
  input: InputSpec;
  output: OutputSpec;
  /** A box below this score is no detection. */
  scoreThreshold: number;
  /** Of two boxes of a class that overlap more than this, the better one stays. */
  iouThreshold: number;
  classes: readonly string[];
}

/** Reads and checks `dir/model.yaml` and what it refers to. Throws ModelError, one line for each thing that is wrong. */
export async function loadModel(dir: string): Promise<Model> {
  const path = join(dir, 'model.yaml');
  const spec = parseModelFile(path, await readText(path, 'a folder with model.yaml'));
  const file = spec.file === undefined ? null : join(dir, spec.file);
  const parts = await Promise.allSettled([
    Promise.resolve().then(() => completeSettings(path, spec)),
    readClasses(path, spec.classes),
    readOnnx(path, file),
  ]);
  const [settings, classes, onnx] = parts;
  if (settings.status === 'rejected' || classes.status === 'rejected' || onnx.status === 'rejected')
    throw joined(parts);
  const complete = { ...settings.value, classes: classes.value };
  const hash = modelHash(onnx.value, complete);
  return { name: spec.name, hash, id: `${spec.name}@${hash}`, dir, file, license: spec.license, ...complete };
}

/** One error that says all that is wrong. */
function joined(parts: readonly PromiseSettledResult<unknown>[]): unknown {
  const errors = parts.flatMap((part): unknown[] => (part.status === 'rejected' ? [part.reason] : []));
  const messages = errors.flatMap((error) => (error instanceof ModelError ? [error.message] : []));
  if (messages.length < errors.length) return errors.find((error) => !(error instanceof ModelError));
  return new ModelError(messages.join('\n'), { cause: errors[0] });
}

/** Settings that change what is detected; together with the ONNX bytes they are the identity of a model. */
export type ModelSettings = Pick<Model, 'input' | 'output' | 'scoreThreshold' | 'iouThreshold' | 'classes'>;

export function modelHash(onnx: Uint8Array, model: ModelSettings): string {
  const { input, output, scoreThreshold, iouThreshold, classes } = model;
  const settings = canonical({ input, output, scoreThreshold, iouThreshold, classes });
  return createHash('sha256').update(onnx).update('\0').update(settings).digest('hex').slice(0, 12);
}

function parseModelFile(path: string, source: string): ModelFile {
  let yaml: unknown;
  try {
    yaml = parse(source);
  } catch (error) {
    const reason = error instanceof YAMLParseError ? error.message.split('\n')[0] : String(error);
    throw new ModelError(`${path}: no YAML: ${reason ?? ''}`, { cause: error });
  }
  const parsed = modelFileSchema.safeParse(yaml);
  if (!parsed.success) fail(path, describeIssues(parsed.error));
  return parsed.data;
}

/** The picture that a model which does nothing asks for: as small as can be. */
const SMALLEST_INPUT: InputSpec = {
  width: 1,
  height: 1,
  layout: 'nhwc',
  type: 'uint8',
  color: 'rgb',
  resize: 'stretch',
  pad: 0,
  mean: [0, 0, 0],
  std: [1, 1, 1],
};

/** An overlap that no two boxes exceed, so that all stay. */
const NO_SUPPRESSION = 1;

function completeSettings(path: string, spec: ModelFile): Omit<ModelSettings, 'classes'> {
  const { file, input, output, scoreThreshold } = spec;
  if (output.decoder === 'none') {
    if (file !== undefined) fail(path, ['file: none with the decoder none, which runs no model']);
    return {
      input: input ?? SMALLEST_INPUT,
      output,
      scoreThreshold: scoreThreshold ?? 0,
      iouThreshold: spec.iouThreshold ?? 0,
    };
  }
  const suppresses = 'nms' in output ? output.nms : true;
  if (!suppresses && spec.iouThreshold !== undefined)
    fail(path, ['iouThreshold: none while output.nms is false, as then no box is suppressed']);
  const iouThreshold = suppresses ? spec.iouThreshold : NO_SUPPRESSION;
  if (file === undefined || input === undefined || scoreThreshold === undefined || iouThreshold === undefined) {
    const needed = { file, input, scoreThreshold, iouThreshold };
    const missing = Object.entries(needed).filter(([, value]) => value === undefined);
    fail(
      path,
      missing.map(([key]) => `${key}: needed with the decoder ${output.decoder}`),
    );
  }
  return { input, output, scoreThreshold, iouThreshold };
}

async function readClasses(path: string, classes: string | string[]): Promise<string[]> {
  const listed = typeof classes === 'string';
  const names = listed ? await readClassFile(path, classes) : classes;
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) fail(path, [`classes: '${repeated}' stands twice; each class has a name of its own`]);
  if (names.length === 0) fail(path, [`classes: ${String(classes)} has no names; one name a line`]);
  return names;
}

async function readClassFile(path: string, file: string): Promise<string[]> {
  const source = await readText(join(dirname(path), file), `${path}: classes: a file with one name a line`);
  const names = source.split('\n').map((line) => line.trim());
  return names.filter((name) => name !== '');
}

async function readOnnx(path: string, file: string | null): Promise<Uint8Array> {
  if (file === null) return new Uint8Array();
  try {
    return await readFile(file);
  } catch (error) {
    throw new ModelError(`${path}: file: ${file} can't be read (${errorCode(error)}); the ONNX file of the model`, {
      cause: error,
    });
  }
}

async function readText(file: string, wanted: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new ModelError(`${file}: can't be read (${errorCode(error)}); wanted: ${wanted}`, { cause: error });
  }
}

function fail(path: string, problems: string[]): never {
  throw new ModelError(problems.map((problem) => `${path}: ${problem}`).join('\n'));
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** JSON with sorted keys, so that the order in which the schema lists them is no part of a model's identity. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, nested: unknown) =>
    nested !== null && typeof nested === 'object' && !Array.isArray(nested)
      ? Object.fromEntries(Object.entries(nested).sort(([a], [b]) => (a < b ? -1 : 1)))
      : nested,
  );
}
