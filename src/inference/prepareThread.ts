import { parentPort, workerData } from 'node:worker_threads';
import { createObjectReader } from '../storage/index.js';
import { ImageError, loadModel, prepareImage, tensorLength } from './model/index.js';
import type { ChildOptions, PrepareOrder, PrepareReport } from './protocol.js';

/**
 * A thread of a child process: downloads a picture and writes its tensor into a place of the memory that it shares with
 * the thread that owns the model session. Several pictures at once: while one decodes, the next is on the wire.
 */
export interface PrepareThreadData {
  options: ChildOptions;
  tensors: SharedArrayBuffer;
}

const { options, tensors } = workerData as PrepareThreadData;
const { input } = await loadModel(options.modelDir);
const length = tensorLength(input);
const reader = createObjectReader({
  endpoint: options.gcsEndpoint,
  projectId: options.gcsProject,
  maxBytes: options.maxBytes,
  timeoutMs: options.timeoutMs,
});
const limits = { maxPixels: options.maxPixels, timeoutMs: options.timeoutMs };

function placeOf(place: number): Float32Array | Uint8Array {
  return input.type !== 'uint8'
    ? new Float32Array(tensors, place * length * 4, length)
    : new Uint8Array(tensors, place * length, length);
}

async function prepare({ task, place }: PrepareOrder): Promise<PrepareReport> {
  const { id } = task;
  const read = await reader.read(task);
  if (read.kind !== 'bytes') return { ...read, id, place };
  try {
    return { kind: 'prepared', id, place, prepared: await prepareImage(read.bytes, input, limits, placeOf(place)) };
  } catch (error) {
    const detail = (error instanceof Error ? error.message : String(error)).slice(0, 200);
    if (!(error instanceof ImageError)) return { kind: 'retry', id, place, reason: 'MODEL_FAILED', detail };
    const { reason } = error;
    return { kind: reason === 'DECODE_TIMEOUT' ? 'retry' : 'dead', id, place, reason, detail };
  }
}

parentPort?.on('message', (order: PrepareOrder) => {
  void prepare(order).then((report) => parentPort?.postMessage(report));
});
