import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { changeCapacity, connectTemporal, readCapacity } from '../../src/client/index.js';
import { loadConfig } from '../../src/config/index.js';
import {
  imageEventsTopic,
  type CapacityChange,
  type CapacityState,
  type ChangeRecord,
} from '../../src/domain/index.js';
import { pointAtStack, roleEnvironment } from '../../src/embedded/index.js';
import { createProducer, type StreamProducer } from '../../src/stream/index.js';
import { createLogger, createMetrics } from '../../src/telemetry/index.js';
import { endpointsNow, eventually, imageCounts, select } from './pipeline.js';
import { startRole, type RoleProcess } from './roleProcess.js';

export const NOOP_DIR = fileURLToPath(new URL('../../bench/models/noop', import.meta.url));
/** A model that looks at no pictures: what it detects need not exist. */
export const NOOP = 'noop';
/** Images of one of its runs. */
export const RUN = 8;
/** Events of one request. */
const AT_ONCE = 2_000;

/** Detectors of the noop model beside those of the stack, a way to feed them, and to change their capacity. */
export class Fleet {
  readonly #roles: RoleProcess[] = [];

  private constructor(
    readonly temporal: Awaited<ReturnType<typeof connectTemporal>>,
    private readonly producer: StreamProducer,
    readonly leaseMs: number,
  ) {}

  static async connect(): Promise<Fleet> {
    const endpoints = await endpointsNow();
    pointAtStack(process.env, endpoints);
    const config = loadConfig({ ...roleEnvironment(endpoints) });
    const log = createLogger('test', 'silent');
    const temporal = await connectTemporal();
    const producer = await createProducer({ config, log, metrics: createMetrics('test') });
    return new Fleet(temporal, producer, (await readCapacity(temporal.client)).leaseMs);
  }

  async detector(environment: Record<string, string> = {}): Promise<RoleProcess> {
    return this.role('detector', {
      PENSTOCK_MODEL_DIR: NOOP_DIR,
      PENSTOCK_DETECT_CHILDREN: '1',
      ...environment,
    });
  }

  async role(name: string, environment: Record<string, string> = {}): Promise<RoleProcess> {
    const role = await startRole(name, environment);
    this.#roles.push(role);
    return role;
  }

  state(): Promise<CapacityState> {
    return readCapacity(this.temporal.client);
  }

  change(change: CapacityChange, why = 'a test'): Promise<ChangeRecord> {
    return changeCapacity(this.temporal.client, { change, who: 'test', why }, this.leaseMs);
  }

  /** Events of images that only this model can detect. */
  async feed(prefix: string, images: number, options: { lane?: string; from?: number } = {}): Promise<void> {
    const { lane = 'bulk', from = 0 } = options;
    for (let first = 0; first < images; first += AT_ONCE) {
      const records = Array.from({ length: Math.min(AT_ONCE, images - first) }, (_, index) => {
        const object = `${prefix}${from + first + index}`;
        const now = Date.now();
        const event = {
          ...{ v: 1, id: randomUUID(), bucket: 'uploads', object, generation: '1', model: NOOP },
          ...{ uploadedAtMs: now, receivedAtMs: now },
        };
        return { key: `uploads/${object}`, value: JSON.stringify(event) };
      });
      await this.producer.send(imageEventsTopic(lane), records);
    }
  }

  /** Back to the configuration, with nothing of this model left to do. */
  async close(prefix: string, images: number): Promise<void> {
    try {
      const { models, budget } = await this.state();
      const { capFrom, plannedFrom } = models.find(({ model }) => model === NOOP) ?? {};
      if (capFrom === 'person') await this.change({ set: { model: NOOP, cap: 'default' } });
      if (plannedFrom === 'person') await this.change({ plan: { model: NOOP, planned: 'default' } });
      if (budget.from === 'person') await this.change({ budget: 'default' });
      await eventually(
        () => imageCounts(prefix),
        ({ rows }) => rows >= images,
        180_000,
      );
    } finally {
      await Promise.all(this.#roles.map((role) => role.stop()));
      await this.producer.close();
      await this.temporal.connection.close();
    }
  }
}

/** When the pacers granted the images under a prefix, in order; milliseconds since the epoch. */
export async function detectedAt(prefix: string): Promise<number[]> {
  const rows = await select<{ at: number }>(
    `SELECT toUnixTimestamp64Milli(detected_at) AS at FROM images
     WHERE startsWith(object, '${prefix}') AND status = 'detected' ORDER BY at`,
  );
  return rows.map(({ at }) => at);
}

/** The cap over time, from the records of its changes; until a lower one is in force the higher one counts. */
export class CapOverTime {
  readonly #steps: { fromMs: number; cap: number }[] = [];

  constructor(first: ChangeRecord, ...later: ChangeRecord[]) {
    let before = Number(first.after);
    this.#steps.push({ fromMs: -Infinity, cap: before });
    for (const { changedAtMs, inForceAtMs, after } of later) {
      const cap = Number(after);
      this.#steps.push({ fromMs: cap > before ? changedAtMs : (inForceAtMs ?? Infinity), cap });
      before = cap;
    }
  }

  integral(fromMs: number, toMs: number): number {
    return this.#steps.reduce((sum, { fromMs: begins, cap }, index) => {
      const ends = this.#steps[index + 1]?.fromMs ?? Infinity;
      return sum + (Math.max(0, Math.min(toMs, ends) - Math.max(fromMs, begins)) / 1000) * cap;
    }, 0);
  }
}

/** The most that any 10 s hold above the integral of the cap over them. */
export function worstExcess(at: readonly number[], cap: CapOverTime): number {
  let worst = -Infinity;
  let end = 0;
  for (const [begin, fromMs] of at.entries()) {
    while (end < at.length && (at[end] ?? Infinity) < fromMs + 10_000) end += 1;
    // Half a millisecond is lost at either end, because times are whole ones.
    worst = Math.max(worst, end - begin - cap.integral(fromMs, fromMs + 10_001));
  }
  return worst;
}

/** Share of the cap that was used between two moments. */
export function usedShare(at: readonly number[], cap: CapOverTime, fromMs: number, toMs: number): number {
  return at.filter((ms) => ms >= fromMs && ms < toMs).length / cap.integral(fromMs, toMs);
}
