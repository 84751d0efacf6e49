import type { FastifyInstance } from 'fastify';
import type { Config } from '../config/index.js';
import type { Routing } from '../routing/index.js';
import { watchProblems } from '../service/index.js';
import type { StreamProducer } from '../stream/index.js';
import { createBoundedLog, type Logger, type Metrics } from '../telemetry/index.js';
import type { Tracing } from '../tracing/index.js';
import { createAdmission } from './admit.js';
import { BodyBudget } from './bodyBudget.js';
import { DiskWatermark, type DiskProbe } from './diskWatermark.js';
import { GroupCommit } from './groupCommit.js';
import { intakeMetrics } from './intakeMetrics.js';
import { intakeRoutes } from './routes.js';
import { createSenderCheck } from './sender.js';

export interface IntakeOptions {
  config: Config;
  log: Logger;
  metrics: Metrics;
  /** Not yet listening; its routes are added here. */
  http: FastifyInstance;
  waits: Map<string, string>;
  tracing: Pick<Tracing, 'begin'>;
  /** Owned from here on: closed by `stop`. */
  producer: StreamProducer;
  /** Owned from here on too. */
  routing: Routing;
  /** Milliseconds since the epoch; tests set the clock. */
  now?: () => number;
  probeDisk?: DiskProbe;
  /** What is known of the broker beyond the answers to produce requests. Default: nothing. */
  brokerProblems?: () => readonly string[];
}

const WATCH_EVERY_MS = 500;
const WAITS_FOR_BROKER = 'Kafka is away: the broker does not answer; events are refused with 503';
const WAITS_FOR_DISK = "the broker's disk is above its watermark; events are refused with 503";

/**
 * Wires intake together on a server and a producer. Throws ConfigError for a configuration that would take events from
 * anybody.
 */
export function createIntake(options: IntakeOptions): { stop: () => Promise<void> } {
  const { config, log, http, waits, producer, routing, now, probeDisk, brokerProblems = () => [] } = options;
  const checkSender = createSenderCheck(config);
  const metrics = intakeMetrics(options.metrics);
  const warn = createBoundedLog(log, 1);
  const commit = new GroupCommit({
    producer,
    maxEvents: config.PENSTOCK_INTAKE_BUFFER_EVENTS,
    timeoutMs: config.PENSTOCK_INTAKE_PRODUCE_TIMEOUT_MS,
    metrics,
    onFailure: (err, topic, events) => warn({ err, topic, events }, 'not acknowledged'),
  });
  const path = config.PENSTOCK_KAFKA_DISK_PATH;
  const disk =
    path === undefined
      ? undefined
      : new DiskWatermark({
          path,
          watermark: config.PENSTOCK_KAFKA_DISK_WATERMARK,
          onUsed: metrics.diskUsed,
          onError: (err) => warn({ err, path }, "the broker's disk can not be seen"),
          ...(probeDisk ? { probe: probeDisk } : {}),
        });

  let stopping = false;
  http.register((scope, _options, done) => {
    intakeRoutes({
      admit: createAdmission(config, routing.route),
      log,
      metrics,
      commit,
      bodies: new BodyBudget(config.PENSTOCK_INTAKE_MAX_BODY_BYTES),
      checkSender,
      disk,
      tracing: options.tracing,
      isStopping: () => stopping,
      ...(now ? { now } : {}),
    })(scope);
    done();
  });

  const unwatchBroker = watchProblems({ waits, log }, 'kafka', () => {
    const problems = brokerProblems();
    return problems.length > 0 || producer.isHealthy() ? problems : [WAITS_FOR_BROKER];
  });
  const watchDisk = async (): Promise<void> => {
    if (await disk?.isAbove()) waits.set('disk', WAITS_FOR_DISK);
    else waits.delete('disk');
  };
  void watchDisk();
  const watch = setInterval(() => void watchDisk(), WATCH_EVERY_MS);
  watch.unref();

  return {
    stop: async () => {
      stopping = true;
      waits.set('stop', 'stopping');
      clearInterval(watch);
      unwatchBroker();
      routing.close();
      await commit.drain();
      await producer.close();
    },
  };
}
