import { execFile } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { promisify } from 'node:util';
import type { Config } from '../config/index.js';
import type { Model } from '../inference/index.js';

/** What a measurement is true for: another model, provider or device has another capacity. */
export interface Subject {
  /** `name@hash` */
  model: string;
  provider: Config['PENSTOCK_EXECUTION_PROVIDER'];
  device: { id: number; name: string };
}

export async function subjectOf(config: Config, model: Model): Promise<Subject> {
  const { PENSTOCK_EXECUTION_PROVIDER: provider, PENSTOCK_DEVICE_ID: id } = config;
  return { model: model.id, provider, device: { id, name: await deviceName(provider, id) } };
}

/** A file that was written for other CPUs, or more of them, says nothing of these. */
async function deviceName(provider: Subject['provider'], id: number): Promise<string> {
  if (provider === 'cpu') return `${cpus()[0]?.model.trim() || 'CPU'}, ${availableParallelism()} cores`;
  const name = provider === 'cuda' || provider === 'tensorrt' ? await nvidiaName(id) : undefined;
  return name ?? `${provider} device ${id}`;
}

const ASK_MS = 10_000;

/** Undefined where the driver's tool is not there: images without it run models all the same. */
async function nvidiaName(id: number): Promise<string | undefined> {
  try {
    const query = ['--query-gpu=name', '--format=csv,noheader', `--id=${id}`];
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: ASK_MS });
    return stdout.trim().split('\n')[0] || undefined;
  } catch {
    return undefined;
  }
}
