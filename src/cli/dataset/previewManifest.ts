import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../config/index.js';
import {
  DatasetError,
  HttpSourceError,
  InputError,
  ListingError,
  openStaging,
  previewDataset,
  readManifest,
  readSecrets,
  StagingError,
  type Manifest,
  type Preview,
} from '../../datasets/index.js';
import { createObjectLister, createObjectStreamer, ObjectStreamError } from '../../storage/index.js';
import { reasonOf } from '../../telemetry/index.js';
import { WarehouseError, type Warehouse } from '../../warehouse/index.js';
import { EXIT, VerbError } from '../verb.js';
import type { PreviewFlags } from './flags.js';
import { withWarehouse } from '../withWarehouse.js';
import { manifestError } from './manifestError.js';
import { openPace } from './openPace.js';
import { previewReport } from './previewReport.js';
import { previewText } from './previewText.js';

const ROWS = 20;
const PREVIEW_MS = 120_000;
const MEBIBYTE = 1_048_576;
/** As a shell has it for a program that SIGINT ended. */
const INTERRUPTED = 130;

/** Shows what a run would make of the first rows of a source, and returns the exit code. */
export async function previewManifest(file: string, flags: PreviewFlags): Promise<number> {
  const manifest = await manifestOf(file);
  const stop = new AbortController();
  const late = AbortSignal.timeout(PREVIEW_MS);
  const interrupt = (): void => stop.abort();
  process.once('SIGINT', interrupt);
  try {
    const preview = await withWarehouse(flags.dataDir, (warehouse, config) =>
      look({ manifest, rows: flags.rows ?? ROWS, signal: AbortSignal.any([stop.signal, late]) }, warehouse, config),
    );
    const report = previewReport(preview, manifest, file);
    process.stdout.write(flags.json ? `${JSON.stringify(report, undefined, 2)}\n` : previewText(report));
    return report.failure === null ? EXIT.ok : EXIT.failed;
  } catch (error) {
    if (stop.signal.aborted) return INTERRUPTED;
    if (late.aborted) throw new VerbError(`${manifest.name} could not be looked at within ${PREVIEW_MS / 1_000} s`);
    throw isForPerson(error) ? new VerbError(error.message) : error;
  } finally {
    process.off('SIGINT', interrupt);
  }
}

async function manifestOf(file: string): Promise<Manifest> {
  try {
    return (await readManifest(file)).manifest;
  } catch (error) {
    throw manifestError(error);
  }
}

async function look(
  of: { manifest: Manifest; rows: number; signal: AbortSignal },
  warehouse: Warehouse,
  config: Config,
): Promise<Preview> {
  const storage = { endpoint: config.PENSTOCK_GCS_ENDPOINT, projectId: config.PENSTOCK_GCS_PROJECT };
  const dir = await mkdtemp(join(tmpdir(), 'penstock-preview-'));
  const { pace, close } = openPace();
  try {
    const staging = await openStaging({ dir, memoryBytes: config.PENSTOCK_INGEST_MEMORY_MB * MEBIBYTE });
    try {
      return await previewDataset(
        {
          ...{ warehouse, staging, dir, pace },
          lister: createObjectLister(storage),
          streamer: createObjectStreamer(storage),
          secrets: readSecrets(config.PENSTOCK_SECRETS_DIR),
          allowPrivate: config.PENSTOCK_INGEST_ALLOW_PRIVATE,
        },
        { ...of, now: new Date() },
      );
    } finally {
      await staging.close();
    }
  } catch (error) {
    if (!(error instanceof WarehouseError)) throw error;
    const lookups = of.manifest.enrich.map(({ name }) => name).join(', ');
    throw new VerbError(`ClickHouse, which ${lookups} is looked up in: ${reasonOf(error)}`);
  } finally {
    await close();
    await rm(dir, { recursive: true, force: true });
  }
}

function isForPerson(error: unknown): error is Error {
  return [DatasetError, HttpSourceError, InputError, ListingError, ObjectStreamError, StagingError].some(
    (kind) => error instanceof kind,
  );
}
