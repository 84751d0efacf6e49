import { readFile } from 'node:fs/promises';
import { Tensor, type InferenceSession } from 'onnxruntime-node';
import type { Detection } from '../../domain/index.js';
import { decoderFor, type Decoder, type SessionOutputs } from './decoders/index.js';
import { toDetections } from './detections.js';
import { ModelError, ProviderError } from './errors.js';
import { toHalves } from './halves.js';
import { modelHash, type Model } from './load.js';
import { readOutput } from './outputs.js';
import { tensorLength } from './pixels.js';
import type { Prepared } from './prepare.js';
import { createOrtSession, type SessionOptions } from './provider.js';
import { checkFit, tensorsOf } from './shapes.js';
import type { InputSpec, OutputSpec } from './spec.js';
import type { TensorInfo } from './tensorInfo.js';

/** A model that is ready to run. */
export interface ModelSession {
  /** Most images in one run: the model's fixed batch dimension, or Infinity where it is dynamic. */
  readonly maxBatch: number;
  /** Inputs and outputs that the ONNX file has. */
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /**
   * Runs the first `count` images of the tensor, which may be a view on shared memory and is copied. Blocks its thread
   * while it runs. One run at a time.
   */
  run(images: Float32Array | Uint8Array, count: number): Promise<SessionOutputs>;
  /** Detections of one image of a run, in pixels of the picture, best score first, at most 300. */
  detections(outputs: SessionOutputs, index: number, prepared: Prepared): Detection[];
  close(): Promise<void>;
}

/**
 * Opens a model and runs it once, so that the first image is as fast as the others. Throws ModelError where the ONNX
 * file doesn't fit model.yaml or changed since it was loaded, ProviderError where the execution provider isn't there.
 */
export async function openSession(model: Model, options: SessionOptions): Promise<ModelSession> {
  if (model.file === null || model.output.decoder === 'none') return NO_OP;
  const session = await createSession(model, model.file, options);
  try {
    const opened = new OnnxSession(model, model.output, session);
    await opened.run(emptyTensor(model.input, opened.fixedBatch), opened.fixedBatch);
    return opened;
  } catch (error) {
    await session.release();
    if (error instanceof ModelError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ModelError(`${model.file}: does not run: ${reason}`, { cause: error });
  }
}

/** Opened from the bytes that the hash is of, so that a result never carries the name of another model. */
async function createSession(model: Model, file: string, options: SessionOptions): Promise<InferenceSession> {
  const onnx = await readFile(file);
  if (modelHash(onnx, model) !== model.hash)
    throw new ModelError(`${file}: changed since it was loaded as ${model.id}; restart to use it as it is now`);
  try {
    return await createOrtSession(onnx, options);
  } catch (error) {
    if (error instanceof ProviderError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ModelError(`${file}: no ONNX file that can be used (its weights must be inside it): ${reason}`, {
      cause: error,
    });
  }
}

const NO_OP: ModelSession = {
  maxBatch: Infinity,
  inputs: [],
  outputs: [],
  run: () => Promise.resolve(new Map()),
  detections: () => [],
  close: () => Promise.resolve(),
};

class OnnxSession implements ModelSession {
  readonly maxBatch: number;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** Images that a run must have at least: more than 1 only where the batch dimension is fixed. */
  readonly fixedBatch: number;
  readonly #decoder: Decoder;
  readonly #pictures: string;
  #buffer: Float32Array | Uint8Array;

  constructor(
    private readonly model: Model,
    output: Exclude<OutputSpec, { decoder: 'none' }>,
    private readonly session: InferenceSession,
  ) {
    this.inputs = tensorsOf(session.inputMetadata);
    this.outputs = tensorsOf(session.outputMetadata);
    this.#decoder = decoderFor(output)(model, this.outputs);
    const { pictures, batch } = checkFit(model, this.#decoder, this.inputs, this.outputs);
    this.#pictures = pictures;
    this.maxBatch = batch;
    this.fixedBatch = Number.isFinite(batch) ? batch : 1;
    this.#buffer = emptyTensor(model.input, this.fixedBatch);
  }

  async run(images: Float32Array | Uint8Array, count: number): Promise<SessionOutputs> {
    if (count < 1 || count > this.maxBatch) throw new RangeError(`${count} images in a run of 1 to ${this.maxBatch}`);
    const batch = Math.max(count, this.fixedBatch);
    const { input, file } = this.model;
    const feeds: Record<string, Tensor> = { [this.#pictures]: this.#tensor(images, count, batch) };
    if (input.sizeInput !== undefined) feeds[input.sizeInput] = sizes(input, batch);
    const { reads } = this.#decoder;
    const results = await this.session.run(
      feeds,
      reads.map(({ name }) => name),
    );
    try {
      return new Map(
        reads.map((read) => [read.name, readOutput(results[read.name], read, { batch, maxBatch: this.maxBatch })]),
      );
    } catch (error) {
      throw error instanceof ModelError ? new ModelError(`${String(file)}: ${error.message}`) : error;
    }
  }

  /** ONNX Runtime for Node takes no shared memory ("Invalid argument"), so images are copied into memory of its own. */
  #tensor(images: Float32Array | Uint8Array, count: number, batch: number): Tensor {
    const { input } = this.model;
    const length = tensorLength(input);
    if (this.#buffer.length < batch * length) this.#buffer = emptyTensor(input, batch);
    this.#buffer.set(images.subarray(0, count * length));
    const values = this.#buffer.subarray(0, batch * length);
    const size = [input.height, input.width];
    const dims = input.layout === 'nchw' ? [batch, 3, ...size] : [batch, ...size, 3];
    if (values instanceof Uint8Array) return new Tensor('uint8', values, dims);
    return input.type === 'float16'
      ? new Tensor('float16', toHalves(values), dims)
      : new Tensor('float32', values, dims);
  }

  detections(outputs: SessionOutputs, index: number, prepared: Prepared): Detection[] {
    return toDetections(this.#decoder.decode(outputs, index), this.model, prepared);
  }

  async close(): Promise<void> {
    await this.session.release();
  }
}

/** Width and height of the input for each image: boxes then come in its pixels, as with every other model. */
function sizes({ width, height }: InputSpec, batch: number): Tensor {
  const pair = [BigInt(width), BigInt(height)];
  return new Tensor('int64', BigInt64Array.from(Array.from({ length: batch }, () => pair).flat()), [batch, 2]);
}

function emptyTensor(input: InputSpec, images: number): Float32Array | Uint8Array {
  const length = tensorLength(input) * images;
  return input.type === 'uint8' ? new Uint8Array(length) : new Float32Array(length);
}
