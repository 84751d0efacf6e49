import * as ort from 'onnxruntime-node';
import type { Config } from '../../config/index.js';
import { ProviderError } from './errors.js';

export type Provider = Config['PENSTOCK_EXECUTION_PROVIDER'];

export interface SessionOptions {
  provider: Provider;
  /** Device of the provider; only cuda, tensorrt and dml have a choice. */
  deviceId: number;
  /** Threads inside one run (intra-op). */
  threads: number;
}

/**
 * Makes the ONNX Runtime session on exactly the provider asked for. Throws ProviderError when it isn't there: there is
 * no fall-back, because work on the wrong device would only show as slowness and cost. What is wrong with the ONNX file
 * comes as the runtime's own error.
 */
export async function createOrtSession(onnx: Uint8Array, options: SessionOptions): Promise<ort.InferenceSession> {
  const { provider, deviceId, threads } = options;
  if (!ort.listSupportedBackends().some(({ name }) => name === provider))
    throw new ProviderError(`execution provider ${provider} is not there; ${listProviders()}`);
  const chooses = provider === 'cuda' || provider === 'tensorrt' || provider === 'dml';
  try {
    return await ort.InferenceSession.create(onnx, {
      executionProviders: [chooses ? { name: provider, deviceId } : provider],
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      // Only fatal: errors are thrown and logged by the caller.
      logSeverityLevel: 4,
      // A thread that spins while it waits takes its core from the threads that decode.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    });
  } catch (error) {
    if (provider === 'cpu') throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ProviderError(`execution provider ${provider} can't be used: ${reason}; ${listProviders()}`, {
      cause: error,
    });
  }
}

function listProviders(): string {
  const names = ort
    .listSupportedBackends()
    .map(({ name, bundled }) => (bundled ? name : `${name} (with its own libraries)`));
  return `this build of ONNX Runtime has ${names.join(', ')}`;
}
