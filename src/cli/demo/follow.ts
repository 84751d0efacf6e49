import { setTimeout as sleep } from 'node:timers/promises';
import type { Warehouse } from '../../warehouse/index.js';
import { askRoles, describeHealth, type Batches, type TopicBacklog } from '../../operations/index.js';
import { RecentRate } from '../progress.js';
import { compareHourly, type HourlyDifference } from './account.js';
import { countLanded, readHourly, type RunInTables } from './landing.js';
import type { Snapshot } from './progress.js';
import type { Sending } from './send.js';

export interface FollowOptions {
  warehouse: Warehouse;
  run: RunInTables;
  /** URL of /metrics by role; empty where it is not known. */
  metrics: () => Record<string, string>;
  /** Images that will be sent. */
  total: number;
  sending: Sending;
  /** Undefined when the server gives no answer. */
  askKafka: () => Promise<TopicBacklog[] | undefined>;
  askTemporal: () => Promise<Batches | undefined>;
}

const ASK_EVERY_MS = 1_000;
const ASK_LIMIT_MS = 5_000;
/** Without progress for so long a run is given up. */
export const STALL_MS = 120_000;
/** For so long a stack may be busy after the last row. */
const BUSY_MS = 600_000;

/** Follows the run: `snapshot` is always up to date within a second or two. */
export class Follower {
  readonly #options: FollowOptions;
  readonly #rate = new RecentRate();
  #detectedBefore: number | undefined;
  #detected = 0;
  #stored = 0;

  constructor(options: FollowOptions) {
    this.#options = options;
  }

  snapshot(): Snapshot {
    const { total, sending } = this.#options;
    return {
      total,
      uploaded: sending.uploaded,
      accepted: sending.images.length,
      // The detector counts what comes twice twice.
      detected: Math.max(this.#stored, Math.min(this.#detected, sending.images.length)),
      stored: this.#stored,
      imagesPerSecond: this.#rate.perSecond(),
    };
  }

  /** Until every image has a row. Returns a sentence when it stopped because nothing moved for two minutes. */
  async untilLanded(signal: AbortSignal): Promise<string | undefined> {
    const { total, sending } = this.#options;
    let seen = '';
    let movedAt = performance.now();
    for (;;) {
      await this.#look();
      if (this.#stored >= total && sending.images.length === total) return undefined;
      const now = performance.now();
      const standing = JSON.stringify([sending.uploaded, sending.events, this.#detected, this.#stored]);
      if (standing !== seen) movedAt = now;
      seen = standing;
      if (now - movedAt > STALL_MS) return this.#whatIsMissing();
      await sleep(ASK_EVERY_MS, undefined, { signal });
    }
  }

  /**
   * Until nothing is on its way any more, second deliveries included: only then can nothing be counted twice later.
   * Returns a sentence when that took two minutes without anything moving, or ten in all: then others send too.
   */
  async untilQuiet(signal: AbortSignal): Promise<string | undefined> {
    let seen = '';
    const startedAt = performance.now();
    let movedAt = startedAt;
    for (;;) {
      const [kafka, temporal] = await Promise.all([this.#options.askKafka(), this.#options.askTemporal()]);
      await this.#look();
      const waiting = kafka?.reduce((sum, { records }) => sum + records, 0);
      if (waiting === 0 && temporal?.open === 0) return undefined;
      const now = performance.now();
      const standing = JSON.stringify([waiting, temporal?.open, this.#detected]);
      if (standing !== seen) movedAt = now;
      seen = standing;
      if (now - movedAt > STALL_MS)
        return `Every image has its row, but ${waiting ?? 'unknown'} records still wait in Kafka and ${temporal?.open ?? 'unknown'} batches are open, without progress for ${STALL_MS / 1000} s.`;
      if (now - startedAt > BUSY_MS)
        return `Every image has its row, but the stack was busy for ${BUSY_MS / 60_000} minutes more: others use it too.`;
      await sleep(ASK_EVERY_MS, undefined, { signal });
    }
  }

  /** Until the rollups agree with the images, or the limit is reached; then what still differs. */
  async untilRolledUp(signal: AbortSignal, limitMs: number): Promise<HourlyDifference> {
    const { warehouse, run, sending } = this.#options;
    const times = sending.images.map(({ uploadedAtMs }) => uploadedAtMs);
    const range = {
      first: times.reduce((least, time) => Math.min(least, time), Infinity),
      last: times.reduce((most, time) => Math.max(most, time), 0),
    };
    const deadline = performance.now() + limitMs;
    for (;;) {
      const { base, rollup } = await readHourly(warehouse, run.bucket, range);
      const difference = compareHourly(base, rollup);
      if (difference.missing + difference.extra === 0 || performance.now() > deadline) return difference;
      await sleep(ASK_EVERY_MS, undefined, { signal });
    }
  }

  async #look(): Promise<void> {
    const { warehouse, run, metrics } = this.#options;
    const [stored, detected] = await Promise.all([
      countLanded(warehouse, run).catch(() => this.#stored),
      detectorCount(metrics()['detector']),
    ]);
    this.#stored = stored;
    if (detected !== undefined) {
      this.#detectedBefore ??= detected;
      // A detector that was started again counts from 0.
      this.#detected = Math.max(this.#detected, detected - this.#detectedBefore);
    }
    this.#rate.add(performance.now(), stored);
  }

  async #whatIsMissing(): Promise<string> {
    const { total, sending, metrics } = this.#options;
    const roles = await askRoles({ metrics: metrics() }, ASK_LIMIT_MS);
    const waiting = Object.entries(roles).flatMap(([role, health]) =>
      health.healthy ? [] : [`${role} is not ready (${describeHealth(health)})`],
    );
    const sentences = [
      `Nothing moved for ${STALL_MS / 1000} s:`,
      `${total - this.#stored} of ${total} images have no row in ClickHouse`,
      `(${sending.uploaded} uploaded, ${sending.images.length} acknowledged, ${this.#stored} stored).`,
      ...(waiting.length > 0 ? [`${waiting.join('; ')}.`] : []),
      ...(waiting.length === 0 && Object.keys(roles).length > 0 ? ['Every role says that it is ready.'] : []),
    ];
    return sentences.join(' ');
  }
}

/** Images that the detector is done with, from its metrics; undefined when it can't be had. */
async function detectorCount(metrics: string | undefined): Promise<number | undefined> {
  if (metrics === undefined) return undefined;
  try {
    const response = await fetch(metrics, { signal: AbortSignal.timeout(ASK_LIMIT_MS) });
    return sumOfMetric(await response.text(), 'penstock_detector_images_total');
  } catch {
    return undefined;
  }
}

/** The sum of all samples of a metric in Prometheus' text format. */
export function sumOfMetric(text: string, name: string): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .reduce((sum, line) => sum + (Number(/\S+$/.exec(line.trim())?.[0]) || 0), 0);
}
