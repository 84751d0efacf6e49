import { type ConsumerConfig, Kafka, type KafkaConfig, type LogEntry, logLevel, type SASLOptions } from 'kafkajs';
import { letIdleConnectionsSleep } from './idleConnections.js';
import { ConfigError, type Config } from '../config/index.js';
import { createBoundedLog, type Logger } from '../telemetry/index.js';

/**
 * The client of one role. It connects when something uses it.
 *
 * @param timeoutMs bound on a connection and on a request, where it is not the usual one
 */
export function connectKafka(config: Config, log: Logger, { timeoutMs }: { timeoutMs?: number } = {}): Kafka {
  letIdleConnectionsSleep();
  const sasl = saslOptions(config);
  const options: KafkaConfig = {
    clientId: 'penstock',
    brokers: config.PENSTOCK_KAFKA_BROKERS,
    ssl: config.PENSTOCK_KAFKA_SSL,
    ...(sasl ? { sasl } : {}),
    connectionTimeout: timeoutMs ?? 5_000,
    requestTimeout: timeoutMs ?? 10_000,
    retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 5 },
    logLevel: logLevel.WARN,
    logCreator: () => logEntries(log),
  };
  return new Kafka(options);
}

/** Settings of a member of a consumer group. `lingerMs`, `maxBytesPerPartition` and `maxBytes` as in ConsumerOptions. */
export function groupConsumer(options: {
  groupId: string;
  lingerMs?: number;
  maxBytesPerPartition?: number;
  maxBytes?: number;
}): ConsumerConfig {
  return {
    groupId: options.groupId,
    sessionTimeout: 15_000,
    rebalanceTimeout: 30_000,
    heartbeatInterval: 2_000,
    metadataMaxAge: 30_000,
    allowAutoTopicCreation: false,
    minBytes: 1,
    maxWaitTimeInMs: options.lingerMs ?? 100,
    maxBytesPerPartition: options.maxBytesPerPartition ?? 1_048_576,
    maxBytes: options.maxBytes ?? 10 * 1_048_576,
    retry: { initialRetryTime: 200, maxRetryTime: 5_000, retries: 8, restartOnFailure: () => Promise.resolve(true) },
  };
}

function saslOptions(config: Config): SASLOptions | undefined {
  const mechanism = config.PENSTOCK_KAFKA_SASL_MECHANISM;
  if (mechanism === undefined) return undefined;
  const { PENSTOCK_KAFKA_USERNAME: username, PENSTOCK_KAFKA_PASSWORD: password } = config;
  if (username === undefined || password === undefined) {
    throw new ConfigError('PENSTOCK_KAFKA_SASL_MECHANISM needs PENSTOCK_KAFKA_USERNAME and PENSTOCK_KAFKA_PASSWORD');
  }
  return { mechanism, username, password };
}

/**
 * The library's own retries are news for debugging; what matters is logged where it is decided. While a broker is away
 * each connection says so again and again: one line a second is enough.
 */
function logEntries(log: Logger): (entry: LogEntry) => void {
  const warn = createBoundedLog(log, 1);
  return ({ namespace, label, log: { message, error } }) => {
    const fields = { kafka: namespace, ...(typeof error === 'string' ? { error } : {}) };
    if (label === 'ERROR') warn(fields, message);
    else log.debug(fields, message);
  };
}
