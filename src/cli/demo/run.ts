import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Detection } from '../../domain/index.js';
import { score, SHAPES, type Score } from '../../scenes/index.js';
import { createStorage } from '../../storage/index.js';
import { createLogger } from '../../telemetry/index.js';
import { createWarehouse, WarehouseError, type Warehouse } from '../../warehouse/index.js';
import { askKafka, askTemporal } from '../../operations/index.js';
import { showProgress, type ProgressOut } from '../progress.js';
import { VerbError } from '../verb.js';
import { accountRows, addAccounts, NO_ROWS, speedOf, type RowAccount } from './account.js';
import { Follower } from './follow.js';
import { countDetections, pages, readDetections, readRows, type RunInTables } from './landing.js';
import type { Picture } from './pictures.js';
import { progressLine } from './progress.js';
import { Gallery, writeReport, type ImageTimes } from './report/index.js';
import { demoResult, type DemoResult } from './result.js';
import { send, startSending, type Sending } from './send.js';
import { ratio } from './statistics.js';
import type { Target } from './target.js';

export interface RunOptions {
  target: Target;
  pictures: readonly Picture[];
  reportDir: string;
  /** Where progress is shown; without it none is. */
  out?: ProgressOut;
  signal: AbortSignal;
}

/** Sends the pictures through a running stack, waits for every one, and accounts for them. Writes the report. */
export async function runPictures(options: RunOptions): Promise<DemoResult> {
  const { target, pictures, signal } = options;
  const { config, bucket } = target;
  const log = createLogger('demo', 'silent');
  const warehouse = createWarehouse(config, log);
  // A folder of its own, so that the same data directory can be used again.
  const run: RunInTables = { bucket, prefix: `demo/${randomUUID().slice(0, 8)}/`, sinceMs: Date.now() - 60_000 };
  const sending = startSending();
  const storage = createStorage({ endpoint: config.PENSTOCK_GCS_ENDPOINT, projectId: config.PENSTOCK_GCS_PROJECT });
  const ended = new AbortController();
  const either = AbortSignal.any([signal, ended.signal]);
  const follower = new Follower({
    warehouse,
    run,
    metrics: target.metrics,
    total: pictures.length,
    sending,
    askKafka: async () => (await askKafka(config, log, ASK_LIMIT_MS)).answer ?? undefined,
    askTemporal: async () => (await askTemporal(ASK_LIMIT_MS)).answer ?? undefined,
  });
  const progress = options.out && showProgress({ out: options.out, line: () => progressLine(follower.snapshot()) });
  try {
    const sent = send(pictures, sending, {
      bucket: storage.bucket(bucket),
      prefix: run.prefix,
      intake: target.intake,
      token: config.PENSTOCK_INTAKE_BEARER_TOKENS[0],
      signal: either,
    });
    let stalled = await whicheverFails(sent, follower.untilLanded(either));
    if (stalled === undefined) {
      await sent;
      stalled = await follower.untilQuiet(either);
    } else {
      ended.abort(new Error(stalled));
      await sent.catch(() => undefined);
    }
    progress?.stop();
    return await account(options, { warehouse, run, sending, follower, stalled: stalled ?? null });
  } catch (error) {
    throw error instanceof WarehouseError ? new VerbError(`ClickHouse can not be read: ${error.message}`) : error;
  } finally {
    ended.abort(new Error('the run has ended'));
    progress?.stop();
    await warehouse.close();
  }
}

/** Bound on one question to a server. */
const ASK_LIMIT_MS = 10_000;

/** The result of `main`, unless `other` fails first. */
async function whicheverFails<T>(other: Promise<unknown>, main: Promise<T>): Promise<T> {
  return Promise.race([main, other.then(() => main)]);
}

interface Landed {
  warehouse: Warehouse;
  run: RunInTables;
  sending: Sending;
  follower: Follower;
  stalled: string | null;
}

/** Time for the passes themselves; how often there is one is configured. */
const ROLLUP_MARGIN_MS = 60_000;

async function account(options: RunOptions, landed: Landed): Promise<DemoResult> {
  const { warehouse, run, sending, follower, stalled } = landed;
  const { config } = options.target;
  const rollupLimitMs = ROLLUP_MARGIN_MS + 2 * config.PENSTOCK_ROLLUP_INTERVAL_MS;
  const hourly = await follower.untilRolledUp(options.signal, stalled === null ? rollupLimitMs : 0);
  const boxes = await countDetections(warehouse, run);
  const scores: Score = { truePositives: 0, falsePositives: 0, missed: 0 };
  const isKnown = await knowsShapes(options.target);
  const times: ImageTimes[] = [];
  const gallery = new Gallery(sending.images.length);
  let rows: RowAccount = NO_ROWS;
  let model: string | null = null;
  for (const page of pages(sending.images)) {
    const [found, detections] = await Promise.all([
      readRows(warehouse, run, page),
      readDetections(warehouse, run, page),
    ]);
    const expected = page.map((image) => ({ ...image, broken: image.picture.kind !== 'picture' }));
    rows = addAccounts(rows, accountRows(expected, found));
    for (const row of found) times.push(row);
    const byObject = new Map(found.map((row) => [row.object, row]));
    for (const image of page) {
      const row = byObject.get(image.object);
      if (!row) continue;
      // What intake refused bears the name alone.
      if (row.status === 'detected') model ??= row.model;
      const boxesOfImage: Detection[] = detections.get(image.object) ?? [];
      const truth = isKnown && image.picture.kind === 'picture' ? image.truth : undefined;
      const own = truth && row.status === 'detected' ? score(boxesOfImage, truth) : undefined;
      for (const key of ['truePositives', 'falsePositives', 'missed'] as const) scores[key] += own?.[key] ?? 0;
      gallery.offer({ picture: image.picture, row, detections: boxesOfImage, ...(own ? { score: own } : {}) });
    }
  }
  const { truePositives, falsePositives, missed } = scores;
  const result = demoResult({
    sending,
    broken: options.pictures.filter(({ kind }) => kind !== 'picture').length,
    total: options.pictures.length,
    rows,
    boxes,
    hourly,
    speed: speedOf(times),
    model,
    precision: ratio(truePositives, truePositives + falsePositives) ?? null,
    recall: ratio(truePositives, truePositives + missed) ?? null,
    stalled,
  });
  return { ...result, report: await writeReport(options.reportDir, { result, gallery, times, showTruth: isKnown }) };
}

const classesSchema = z.object({ classes: z.array(z.string()) });

/** Whether the model has been taught what the scenes show; the default one has. */
async function knowsShapes({ modelDir, config }: Target): Promise<boolean> {
  if (modelDir === undefined) return config.PENSTOCK_DEFAULT_MODEL === DEFAULT_MODEL;
  const text = await readFile(join(modelDir, 'model.yaml'), 'utf8').catch(() => '');
  const parsed = classesSchema.safeParse(parse(text));
  return parsed.success && SHAPES.every((shape) => parsed.data.classes.includes(shape));
}

const DEFAULT_MODEL = 'shapes';
