import { onTestFinished } from 'vitest';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { loadConfig } from '../../../src/config/index.js';
import {
  deadLetterSchema,
  imageEventSchema,
  imageResultSchema,
  type DeadLetter,
  type ImageEvent,
  type ImageResult,
} from '../../../src/domain/index.js';
import type { DiskProbe } from '../../../src/intake/diskWatermark.js';
import { createIntake } from '../../../src/intake/intake.js';
import { openRouting } from '../../../src/routing/index.js';
import { NO_TRACING } from '../../../src/tracing/index.js';
import { createHttpServer } from '../../../src/service/index.js';
import { StreamUnavailableError, type OutgoingRecord, type StreamProducer } from '../../../src/stream/index.js';
import { createMetrics, type Logger, type Metrics } from '../../../src/telemetry/index.js';
import { capturedLogger } from './capturedLogger.js';
import { EVENTARC_STORAGE_HEADERS, NOTIFICATION_ATTRIBUTES, STORAGE_OBJECT_DATA } from './fixtures/google.js';

/**
 * A producer in memory that keeps the contract of StreamProducer: `send` resolves only once the records are in the log,
 * rejects with StreamUnavailableError otherwise, and `isHealthy` tells the last word of the broker.
 */
export class MemoryProducer implements StreamProducer {
  readonly log: { topic: string; record: OutgoingRecord }[] = [];
  readonly batches: { topic: string; size: number; bytes: number }[] = [];
  isUp = true;
  isClosed = false;
  #held: (() => void)[] | undefined;
  #healthy = true;

  /** From now on acknowledgements wait for `release`. */
  hold(): void {
    this.#held = [];
  }

  release(): void {
    for (const go of this.#held ?? []) go();
    this.#held = undefined;
  }

  async send(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    const bytes = records.reduce((sum, { value }) => sum + Buffer.byteLength(value), 0);
    this.batches.push({ topic, size: records.length, bytes });
    const held = this.#held;
    if (held) await new Promise<void>((resolve) => held.push(resolve));
    else await Promise.resolve();
    this.#healthy = this.isUp && !this.isClosed;
    if (!this.#healthy) throw new StreamUnavailableError('the broker is away');
    this.log.push(...records.map((record) => ({ topic, record })));
  }

  isHealthy(): boolean {
    return this.#healthy;
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }

  events(): { topic: string; key: string | undefined; event: ImageEvent }[] {
    return this.log
      .filter(({ topic }) => topic.startsWith('penstock.image-events.'))
      .map(({ topic, record }) => ({
        topic,
        key: record.key,
        event: imageEventSchema.parse(JSON.parse(record.value)),
      }));
  }

  deadLetters(): DeadLetter[] {
    return this.log
      .filter(({ topic }) => topic === 'penstock.dead-letters')
      .map(({ record }) => deadLetterSchema.parse(JSON.parse(record.value)));
  }

  results(): { key: string | undefined; result: ImageResult }[] {
    return this.log
      .filter(({ topic }) => topic === 'penstock.image-results')
      .map(({ record }) => ({ key: record.key, result: imageResultSchema.parse(JSON.parse(record.value)) }));
  }
}

/** The day on which the documented objects were uploaded. */
export const NOW = Date.parse('2020-04-23T08:00:00Z');

export interface Rig {
  http: FastifyInstance;
  broker: MemoryProducer;
  waits: Map<string, string>;
  metrics: Metrics;
  lines: Record<string, unknown>[];
  stop: () => Promise<void>;
  post: (url: string, options: Pick<InjectOptions, 'headers' | 'payload'>) => Promise<LightMyRequestResponse>;
  count: (outcome: string) => Promise<number>;
}

/** Intake on a producer in memory and a server that does not listen; gone when the test ends. */
export async function startIntake(
  environment: Record<string, string> = {},
  options: { now?: () => number; probeDisk?: DiskProbe; log?: Logger } = {},
): Promise<Rig> {
  const config = loadConfig(environment);
  const metrics = createMetrics('intake');
  const broker = new MemoryProducer();
  const waits = new Map<string, string>();
  const http = createHttpServer({
    metrics,
    waits,
    maxBodyBytes: config.PENSTOCK_INTAKE_MAX_BODY_BYTES,
    maxConnections: config.PENSTOCK_HTTP_MAX_CONNECTIONS,
  });
  const { log, lines } = capturedLogger();
  const routing = await openRouting(config, log);
  const intake = createIntake({
    config,
    log,
    metrics,
    http,
    waits,
    producer: broker,
    routing,
    tracing: NO_TRACING,
    now: () => NOW,
    ...options,
  });
  await http.ready();
  onTestFinished(async () => {
    broker.release();
    await intake.stop();
    await http.close();
  });
  return {
    http,
    broker,
    waits,
    metrics,
    lines,
    stop: intake.stop,
    post: (url, request) => http.inject({ method: 'POST', url, ...request }),
    count: async (outcome) => {
      const { values } = (await metrics.registry.getSingleMetric('penstock_intake_events_total')?.get()) ?? {
        values: [],
      };
      return values.find(({ labels }) => labels['outcome'] === outcome)?.value ?? 0;
    },
  };
}

/** An image as Eventarc sends it in binary mode. */
export function binaryEvent(
  object: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): { headers: Record<string, string>; payload: string } {
  const resource = { ...STORAGE_OBJECT_DATA, name: 'folder/dog.jpg', contentType: 'image/jpeg', ...object };
  return { headers: { ...EVENTARC_STORAGE_HEADERS, ...headers }, payload: JSON.stringify(resource) };
}

/** A wrapped push of a notification. Without `object` it has no data, as with payloadFormat NONE. */
export function push(
  attributes: Record<string, string> = {},
  object?: Record<string, unknown>,
): { headers: Record<string, string>; payload: string } {
  const message = {
    attributes: { ...NOTIFICATION_ATTRIBUTES, ...attributes },
    ...(object ? { data: Buffer.from(JSON.stringify(object)).toString('base64') } : {}),
    messageId: '136969346945',
    message_id: '136969346945',
    publishTime: '2020-04-23T07:38:57.400Z',
  };
  const body = { message, subscription: 'projects/myproject/subscriptions/mysubscription', deliveryAttempt: 3 };
  return { headers: { 'content-type': 'application/json' }, payload: JSON.stringify(body) };
}

export const IMAGE_OBJECT = { ...STORAGE_OBJECT_DATA, name: 'folder/dog.jpg', contentType: 'image/jpeg' };
