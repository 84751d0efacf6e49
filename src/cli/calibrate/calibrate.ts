import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import {
  calibrate,
  CalibrationChoiceError,
  CalibrationError,
  CapacityFileError,
  writeCapacityFile,
  type Capacity,
  type PictureChoice,
} from '../../calibration/index.js';
import { loadConfig, type Config } from '../../config/index.js';
import { BUCKET_NAME } from '../../domain/index.js';
import { loadModel } from '../../inference/index.js';
import { createLogger, createMetrics } from '../../telemetry/index.js';
import { modelDirOf } from '../stackFolders.js';
import { EXIT, UsageError, VerbError } from '../verb.js';
import type { CalibrateFlags } from './index.js';
import { reportText } from './report.js';

const DEFAULT_MODEL = 'shapes';
const LONGEST_LATENCY_MS = 3_600_000;

/** Measures, writes the file, prints the report and returns the exit code. */
export async function runCalibration(flags: CalibrateFlags): Promise<number> {
  const config = configOf(flags);
  const pictures = choiceOf(flags);
  const latencyBoundMs = latencyOf(flags.latencyMs);
  // Said before minutes are spent.
  await checkOut(flags.out);
  const model = await loadModel(await modelDirOf(flags.model ?? config.PENSTOCK_MODEL_DIR ?? DEFAULT_MODEL));
  const capacity = await measured({
    config,
    model,
    pictures,
    latencyBoundMs,
    isQuick: flags.quick ?? false,
    log: createLogger('calibrate', 'warn', process.stderr),
    metrics: createMetrics('calibrate'),
    say: (sentence) => process.stderr.write(`${sentence}\n`),
  });
  await writeCapacityFile(flags.out, capacity).catch((error: unknown) => {
    throw error instanceof CapacityFileError ? new VerbError(error.message) : error;
  });
  process.stdout.write(
    flags.json ? `${JSON.stringify(capacity, undefined, 2)}\n` : `${reportText(capacity, flags.out)}\n`,
  );
  return EXIT.ok;
}

async function measured(options: Parameters<typeof calibrate>[0]): Promise<Capacity> {
  try {
    return await calibrate(options);
  } catch (error) {
    if (error instanceof CalibrationChoiceError) throw new UsageError(error.message);
    throw error instanceof CalibrationError ? new VerbError(error.message) : error;
  }
}

/** As a detector here has it, with the provider that was asked for. */
function configOf({ provider }: CalibrateFlags): Config {
  return loadConfig({ ...process.env, ...(provider === undefined ? {} : { PENSTOCK_EXECUTION_PROVIDER: provider }) });
}

function choiceOf({ pictures, gs }: CalibrateFlags): PictureChoice {
  if (pictures !== undefined && gs !== undefined) throw new UsageError('--pictures and --gs: one of them');
  if (pictures !== undefined) return { kind: 'folder', folder: pictures };
  if (gs === undefined) return { kind: 'scenes' };
  const [, bucket, prefix = ''] = /^gs:\/\/([^/]*)(?:\/([^]*))?$/.exec(gs) ?? [];
  if (bucket === undefined || !BUCKET_NAME.test(bucket))
    throw new UsageError(`--gs '${gs}': gs://bucket or gs://bucket/prefix`);
  return { kind: 'bucket', bucket, prefix };
}

function latencyOf(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= 1 && value <= LONGEST_LATENCY_MS))
    throw new UsageError(`--latency-ms '${text}': a whole number from 1 to ${LONGEST_LATENCY_MS}`);
  return value;
}

async function checkOut(out: string): Promise<void> {
  try {
    await access(dirname(resolve(out)), constants.W_OK);
  } catch (error) {
    throw new UsageError(`--out ${out}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const there = await stat(out).catch(() => undefined);
  if (there && !there.isFile()) throw new UsageError(`--out ${out}: is no regular file`);
}
