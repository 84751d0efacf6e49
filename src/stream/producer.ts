import type { Producer } from 'kafkajs';
import type { Config } from '../config/index.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import { connectKafka } from './kafka.js';
import { StreamUnavailableError, type OutgoingRecord, type StreamProducer } from './types.js';

const PROBE_EVERY_MS = 1_000;
/** A broker takes 1 MiB for one partition, and all records of a request may go to one. */
const REQUEST_BYTES = 900_000;

/**
 * A producer with acks=all that is never idempotent: kafkajs's idempotent producer rolls its sequence back when a
 * response is lost, reuses the number, and the broker then acknowledges new records as duplicates without storing
 * them. Without idempotence the same fault only writes twice, which readers count once.
 *
 * Resolves at once; the connection is made in the background and again whenever it breaks, `isHealthy` tells.
 */
export function createProducer(options: { config: Config; log: Logger; metrics?: Metrics }): Promise<StreamProducer> {
  return Promise.resolve(new KafkaProducer(options.config, options.log));
}

class KafkaProducer implements StreamProducer {
  readonly #producer: Producer;
  readonly #log: Logger;
  #healthy = false;
  #connecting: Promise<void> | undefined;
  readonly #probe: NodeJS.Timeout;

  constructor(config: Config, log: Logger) {
    this.#log = log;
    this.#producer = connectKafka(config, log).producer({
      idempotent: false,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 3 },
    });
    this.#producer.on('producer.disconnect', () => (this.#healthy = false));
    this.#probe = setInterval(() => {
      if (!this.#healthy) this.#connect().catch(() => undefined);
    }, PROBE_EVERY_MS);
    this.#probe.unref();
    this.#connect().catch(() => undefined);
  }

  async send(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    if (records.length === 0) return;
    try {
      if (!this.#healthy) await this.#connect();
      for (const part of cut(records)) {
        await this.#producer.send({
          topic,
          acks: -1,
          timeout: 10_000,
          messages: part.map(({ key, value, headers }) => ({
            key: key ?? null,
            value,
            ...(headers ? { headers } : {}),
          })),
        });
      }
    } catch (error) {
      this.#healthy = false;
      throw new StreamUnavailableError(`topic ${topic}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }

  isHealthy(): boolean {
    return this.#healthy;
  }

  async close(): Promise<void> {
    clearInterval(this.#probe);
    await this.#producer.disconnect();
  }

  #connect(): Promise<void> {
    this.#connecting ??= this.#producer
      .connect()
      .then(() => {
        if (!this.#healthy) this.#log.info('producer connected');
        this.#healthy = true;
      })
      .finally(() => (this.#connecting = undefined));
    return this.#connecting;
  }
}

/** Records in requests that a broker takes whatever their partitions; one that is larger alone goes alone. */
export function cut(records: readonly OutgoingRecord[]): OutgoingRecord[][] {
  const parts: OutgoingRecord[][] = [];
  let bytes = Infinity;
  for (const record of records) {
    const size = Buffer.byteLength(record.value) + Buffer.byteLength(record.key ?? '') + 64;
    if (bytes + size > REQUEST_BYTES) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(record);
    bytes += size;
  }
  return parts;
}
