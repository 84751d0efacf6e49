import { randomUUID } from 'node:crypto';
import { createLogger } from '../../../telemetry/index.js';
import { createWarehouse, WarehouseError, type Warehouse } from '../../../warehouse/index.js';
import { askKafka, askTemporal } from '../../../operations/index.js';
import { showProgress, type ProgressOut } from '../../progress.js';
import { VerbError } from '../../verb.js';
import { accountRows, addAccounts, NO_ROWS, type RowAccount } from '../account.js';
import { Follower } from '../follow.js';
import { countDetections, countRawRows, pages, readRows, type RunInTables } from '../landing.js';
import { startSending, type Sending } from '../send.js';
import type { Target } from '../target.js';
import { goAhead } from './goAhead.js';
import { LiveSurge } from './live.js';
import { surgePictures } from './pictures.js';
import { duration, type SurgePlan } from './plan.js';
import { uploadQuietly, type QuietUpload } from './quietUpload.js';
import { raiseEvents } from './raise.js';
import { writeSurgeReport } from './report.js';
import { surgeResult, type SurgeResult } from './result.js';
import type { SurgeTimes } from './series.js';

export interface SurgeOptions {
  target: Target;
  plan: SurgePlan;
  /** Detectors that share the cap. */
  detectors: number;
  reportDir: string;
  /** Where progress is shown; without it none is. */
  out?: ProgressOut;
  /** Told in sentences what happens. */
  say: (sentence: string) => void;
  signal: AbortSignal;
}

const SAMPLE_MS = 1_000;
const PLAIN_EVERY_MS = 5_000;
/** Images in one model run of a detector without a capacity file; one with larger runs needs the variable set here too. */
const MODEL_BATCH = 8;
/** Bound on one question to a server. */
const ASK_LIMIT_MS = 10_000;

/**
 * Uploads first, so that it costs the surge nothing, and sends a few pictures ahead; then raises the events at ten times
 * the cap, waits until the backlog has drained, and accounts for every image. Writes the report.
 */
export async function runSurge(options: SurgeOptions): Promise<SurgeResult> {
  const { target, plan } = options;
  const log = createLogger('demo', 'silent');
  const warehouse = createWarehouse(target.config, log);
  // A folder of its own, so that the same data directory can be used again.
  const name = randomUUID().slice(0, 8);
  const run: RunInTables = { bucket: target.bucket, prefix: `surge/${name}/`, sinceMs: Date.now() - 60_000 };
  const ahead: RunInTables = { ...run, prefix: `surge-ahead/${name}/` };
  const sending = startSending();
  const follower = new Follower({
    warehouse,
    run,
    metrics: target.metrics,
    total: plan.images,
    sending,
    askKafka: async () => (await askKafka(target.config, log, ASK_LIMIT_MS)).answer ?? undefined,
    askTemporal: async () => (await askTemporal(ASK_LIMIT_MS)).answer ?? undefined,
  });
  try {
    const uploads = await uploadAll(options, run, sending);
    await goAhead(target, { cap: plan.cap, warehouse, run: ahead, signal: options.signal });
    const ran = await surge(options, { uploads, sending, follower });
    return await account(options, { warehouse, run, sending, ...ran });
  } catch (error) {
    throw error instanceof WarehouseError ? new VerbError(`ClickHouse can not be read: ${error.message}`) : error;
  } finally {
    await warehouse.close();
  }
}

async function uploadAll(
  { target, plan, out, signal }: SurgeOptions,
  run: RunInTables,
  sending: Sending,
): Promise<QuietUpload[]> {
  const line = (): string => `uploaded ${sending.uploaded}/${plan.images}, before any event`;
  const progress = out && showProgress({ out, line, plainEveryMs: PLAIN_EVERY_MS });
  try {
    const pictures = await surgePictures(plan.images, signal);
    return await uploadQuietly(target, pictures, {
      prefix: run.prefix,
      signal,
      onUploaded: () => (sending.uploaded += 1),
    });
  } finally {
    progress?.stop();
  }
}

interface Ran {
  /** Images that waited when the last had come. */
  backlog: number | null;
  stalled: string | null;
}

async function surge(
  { target, plan, out, say, signal }: SurgeOptions,
  { uploads, sending, follower }: { uploads: readonly QuietUpload[]; sending: Sending; follower: Follower },
): Promise<Ran> {
  const live = new LiveSurge(plan.cap);
  const sample = (): void => {
    const { accepted, detected } = follower.snapshot();
    live.add({ atMs: performance.now(), arrived: accepted, detected });
  };
  sample();
  const sampling = setInterval(sample, SAMPLE_MS);
  const progress = out && showProgress({ out, line: () => live.line(), plainEveryMs: PLAIN_EVERY_MS });
  const ended = new AbortController();
  const either = AbortSignal.any([signal, ended.signal]);
  let backlog: number | null = null;
  try {
    const raised = raiseEvents(uploads, {
      intake: target.intake,
      token: target.config.PENSTOCK_INTAKE_BEARER_TOKENS[0],
      perSecond: plan.arrivalsPerSecond,
      sending,
      signal: either,
    }).then(() => {
      sample();
      backlog = live.backlog;
      say(
        `${out?.isTTY ? '\n' : ''}The surge is over: ${backlog} images wait, foreseen to be detected in ${duration(backlog / plan.cap)}.`,
      );
    });
    const landed = follower.untilLanded(either);
    let stalled = await Promise.race([landed, raised.then(() => landed)]);
    if (stalled === undefined) {
      await raised;
      stalled = await follower.untilQuiet(either);
    } else {
      ended.abort(new Error(stalled));
      await raised.catch(() => undefined);
    }
    return { backlog, stalled: stalled ?? null };
  } finally {
    ended.abort(new Error('the run has ended'));
    clearInterval(sampling);
    progress?.stop();
  }
}

interface Landed extends Ran {
  warehouse: Warehouse;
  run: RunInTables;
  sending: Sending;
}

async function account(options: SurgeOptions, landed: Landed): Promise<SurgeResult> {
  const { plan, target, detectors, reportDir } = options;
  const { warehouse, run, sending, backlog, stalled } = landed;
  const times: SurgeTimes[] = [];
  let rows: RowAccount = NO_ROWS;
  let model: string | null = null;
  for (const page of pages(sending.images)) {
    const found = await readRows(warehouse, run, page);
    rows = addAccounts(
      rows,
      accountRows(
        page.map((image) => ({ ...image, broken: false })),
        found,
      ),
    );
    for (const row of found) {
      if (row.status !== 'detected') continue;
      model ??= row.model;
      times.push({ receivedAtMs: row.receivedAtMs, detectedAtMs: row.detectedAtMs });
    }
  }
  const result = surgeResult({
    plan,
    detectors,
    modelBatch: target.config.PENSTOCK_DETECT_MODEL_BATCH ?? MODEL_BATCH,
    times,
    rows,
    unsent: plan.images - sending.images.length,
    boxesTwice: (await countDetections(warehouse, run)).twice,
    rawRows: await countRawRows(warehouse, run),
    refused: sending.retried,
    backlog,
    model,
    stalled,
  });
  return { ...result, report: await writeSurgeReport(reportDir, result) };
}
