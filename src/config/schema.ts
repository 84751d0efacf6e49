import { z } from 'zod';
import { BUILD_ID, isTimeZone, MODEL_NAME } from '../domain/index.js';
import { detectorVariables } from './detectorVariables.js';
import { ingesterVariables } from './ingesterVariables.js';
import { consoleVariables } from './consoleVariables.js';
import { intakeVariables } from './intakeVariables.js';
import { amount, flag, int, list, secret } from './kinds.js';

/**
 * Every environment variable that Penstock reads, with its unit, default and meaning. docs/configuration.md is
 * generated from this object. Temporal's connection is configured by Temporal's own variables (TEMPORAL_ADDRESS,
 * TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_…; https://docs.temporal.io/develop/environment-configuration).
 */
export const environmentSchema = z.object({
  PENSTOCK_HTTP_HOST: z
    .string()
    .default('127.0.0.1')
    .describe(
      'Address that the role listens on. Anything but loopback needs credentials to be configured for endpoints that change state.',
    ),
  PENSTOCK_HTTP_PORT: int(8080, 0, 65535).describe(
    'Port of the role: /healthz, /readyz, /metrics, and its own endpoints. 0 takes a free one.',
  ),
  PENSTOCK_HTTP_MAX_CONNECTIONS: int(4_000, 10, 100_000).describe(
    'Most connections to the role at once; further ones are closed as they come.',
  ),
  PENSTOCK_LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('Least level that is logged.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url()
    .optional()
    .describe(
      "Where traces go: an OpenTelemetry collector that takes OTLP over HTTP. Unset: nothing is traced. Its headers and certificates come from OpenTelemetry's other variables.",
    ),
  PENSTOCK_TRACE_RATIO: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.001)
    .describe('Share of the images that are traced, 0 to 1; besides those whose sender traces them.'),
  PENSTOCK_SHUTDOWN_MS: int(25_000, 0, 600_000).describe(
    'Milliseconds that a role may take to drain after SIGTERM; then it ends with an error.',
  ),

  PENSTOCK_KAFKA_BROKERS: list('127.0.0.1:9092').describe('Bootstrap brokers, host:port, separated by commas.'),
  PENSTOCK_KAFKA_SSL: flag.describe('Use TLS to the brokers.'),
  PENSTOCK_KAFKA_SASL_MECHANISM: z
    .enum(['plain', 'scram-sha-256', 'scram-sha-512'])
    .optional()
    .describe('SASL mechanism; without it no SASL.'),
  PENSTOCK_KAFKA_USERNAME: secret.describe('SASL user.'),
  PENSTOCK_KAFKA_PASSWORD: secret.describe('SASL password. Never logged.'),
  PENSTOCK_KAFKA_PARTITIONS: int(6, 1, 10_000).describe('Partitions of a topic that Penstock creates.'),
  PENSTOCK_KAFKA_REPLICATION: int(1, 1, 10).describe(
    'Replication factor of a topic that Penstock creates. 3 in production.',
  ),
  PENSTOCK_KAFKA_DISK_PATH: z
    .string()
    .optional()
    .describe('Folder on the disk of the broker, where intake can see it; intake answers 503 above the watermark.'),
  PENSTOCK_KAFKA_DISK_WATERMARK: z.coerce
    .number()
    .min(0.01)
    .max(1)
    .default(0.9)
    .describe('Share of that disk (0 to 1) above which intake takes nothing more.'),

  PENSTOCK_LANES: list('bulk,express').describe(
    'Lanes, in the order of their names: each has a topic penstock.image-events.<lane>.',
  ),
  PENSTOCK_DEFAULT_LANE: z.string().default('bulk').describe('Lane of an image that nothing else routes.'),
  PENSTOCK_EXPRESS_LANE: z.string().default('express').describe('Lane whose batches use the express task queue.'),
  PENSTOCK_DEFAULT_MODEL: z
    .string()
    .regex(MODEL_NAME, 'the name of a model: a-z, 0-9, dot, dash, underscore')
    .default('shapes')
    .describe('Name of the model that detects an image that nothing else routes.'),
  PENSTOCK_ROUTING_FILE: z
    .string()
    .optional()
    .describe(
      'YAML file that maps bucket and prefix to model, lane and deadline (see routing.md); read again when it changes. Without it every image goes to the defaults.',
    ),
  PENSTOCK_BUCKETS: list('').describe(
    'Buckets whose events are taken, separated by commas; those of others are acknowledged and counted. Empty takes any.',
  ),
  PENSTOCK_RETENTION_DAYS: int(396, 2, 396).describe(
    'Days after its upload that an image is still taken; older ones are refused as OUT_OF_RETENTION. The tables keep 396 days.',
  ),

  ...intakeVariables,

  ...consoleVariables,

  PENSTOCK_BATCH_MAX_IMAGES: int(256, 1, 2048).describe('Most images in one micro-batch.'),
  PENSTOCK_BATCH_MAX_BYTES: int(131_072, 1024, 1_048_576).describe("Most bytes of a batch's workflow input."),
  PENSTOCK_BATCH_LINGER_MS: int(100, 0, 60_000).describe(
    'Milliseconds that events may wait for others to fill their batch.',
  ),
  PENSTOCK_WINDOW_BATCHES: int(0, 0, 100_000).describe(
    'Most open batches of all dispatchers and lanes together; above it the backlog waits in Kafka. 0: three for each slot of the detectors that serve.',
  ),
  PENSTOCK_LANE_WEIGHTS: list('').describe(
    'Shares of lanes in the window as lane=weight, separated by commas; 1 where a lane is not named. What a lane does not use is lent to the others.',
  ),

  PENSTOCK_WORKER_VERSIONING: flag.describe(
    'Orchestrators are workers of a build: batches end on the build that they began with, new ones begin on the current build. Which one that is `penstock deploy promote` says; the first one that is ever started is it at once. Needs Temporal 1.28 or later.',
  ),
  PENSTOCK_BUILD_ID: z
    .string()
    .regex(BUILD_ID, "letters, digits, '.', '_', '+', '-'; at most 100; not none")
    .optional()
    .describe('Name of the build for worker versioning. Default: the version and a hash of the workflows.'),

  PENSTOCK_LEASE_MS: int(30_000, 1_000, 600_000).describe(
    'Milliseconds that a lease of a share of the cap, or of places in the window, is good for without being renewed; it is renewed three times as often. A shorter outage of the orchestrator goes unnoticed, a longer one stops detection.',
  ),
  PENSTOCK_CAP_IMAGES_PER_SECOND: z.coerce
    .number()
    .min(0)
    .default(0)
    .describe(
      'Most inferences a second of all detectors of the default model together, until `penstock capacity set` says otherwise. 0: what the detectors can sustain.',
    ),
  PENSTOCK_PLANNED_DETECTORS: int(0, 0, 500).describe(
    'Detectors of the default model that may serve at once, until `penstock capacity plan` says otherwise; further ones stand by. 0: all.',
  ),
  PENSTOCK_BUDGET_IMAGES_PER_DAY: amount('Most images that are inferred in a day. Without it there is no ceiling.'),
  PENSTOCK_BUDGET_MONEY_PER_DAY: amount(
    'Most money that inference may cost in a day, in PENSTOCK_CURRENCY; needs PENSTOCK_DETECTOR_PRICE_PER_HOUR.',
  ),
  PENSTOCK_DETECTOR_PRICE_PER_HOUR: amount('What one detector costs an hour, in PENSTOCK_CURRENCY.'),
  PENSTOCK_CURRENCY: z
    .string()
    .regex(/^\S{1,8}$/, 'like EUR')
    .default('EUR')
    .describe('Currency of prices and of the budget.'),
  PENSTOCK_BUDGET_TIME_ZONE: z
    .string()
    .refine(isTimeZone, 'an IANA time zone, like Europe/Berlin')
    .default('UTC')
    .describe('Time zone in which the day of the budget begins at midnight.'),
  PENSTOCK_BUDGET_EXPRESS_BEYOND: flag.describe('Express images are detected though the budget of the day is used up.'),

  PENSTOCK_BREAKER_MIN_IMAGES: int(20, 1, 100_000).describe(
    'Images of a source (a bucket under a model) that must fail for reasons of the system, and be the majority, before its circuit breaker opens.',
  ),
  PENSTOCK_BREAKER_PROBE_MS: int(30_000, 100, 3_600_000).describe(
    'Milliseconds from the opening of a circuit breaker to its first probe; doubled after each that fails, up to ten minutes.',
  ),

  PENSTOCK_GCS_ENDPOINT: z
    .string()
    .optional()
    .describe("Endpoint of the storage API when it is not Google's (an emulator)."),
  PENSTOCK_GCS_PROJECT: z.string().optional().describe('Project of the storage client.'),

  ...detectorVariables,

  ...ingesterVariables,

  PENSTOCK_CLICKHOUSE_URL: z.string().default('http://127.0.0.1:8123').describe('HTTP address of ClickHouse.'),
  PENSTOCK_CLICKHOUSE_USER: z.string().default('default').describe('User.'),
  PENSTOCK_CLICKHOUSE_PASSWORD: z.string().default('').describe('Password. Never logged.'),
  PENSTOCK_CLICKHOUSE_DATABASE: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/)
    .default('penstock')
    .describe('Database.'),
  PENSTOCK_SINK_MAX_ROWS: int(50_000, 1, 1_000_000).describe('Most rows in one insert.'),
  PENSTOCK_SINK_INSERT_TIMEOUT_MS: int(60_000, 1000, 110_000).describe(
    'Milliseconds after which an insert counts as unknown and is repeated.',
  ),

  PENSTOCK_SINK_TABLES_FILE: z
    .string()
    .optional()
    .describe(
      "JSON file that maps further Kafka topics to tables (see sink.md), read when the sink starts. Without it the sink writes Penstock's own topics alone.",
    ),

  PENSTOCK_ROLLUP_INTERVAL_MS: int(10_000, 1000, 3_600_000).describe('How often touched hours are rolled up.'),
  PENSTOCK_AUDIT_BUCKETS: list('').describe(
    'Buckets that the orchestrator audits by schedule, separated by commas, at most 50: what is in them and was never received, what was received and is nowhere. Empty: none.',
  ),
  PENSTOCK_AUDIT_INTERVAL_MS: int(3_600_000, 60_000, 86_400_000).describe('How often these buckets are audited.'),
  PENSTOCK_AUDIT_SINCE_MS: int(86_400_000, 3_600_000, 2_678_400_000).describe(
    'An audit looks at what was uploaded in these last milliseconds.',
  ),
  PENSTOCK_AUDIT_GRACE_MS: int(900_000, 1_000, 86_400_000).describe(
    'Milliseconds for which a new upload may still be on its way, and is not audited.',
  ),
  PENSTOCK_AUDIT_MAX_OBJECTS: int(10_000_000, 1_000, 100_000_000).describe(
    'Most objects of a bucket that an audit lists, of any age; of a larger bucket it says that it was not listed whole.',
  ),
  PENSTOCK_HOUSEKEEP_INTERVAL_MS: int(300_000, 1000, 86_400_000).describe(
    'How often consumed records are deleted from Kafka.',
  ),
  PENSTOCK_HOUSEKEEP_KEEP_MS: int(120_000, 60_000, 604_800_000).describe(
    'Milliseconds for which consumed records stay nevertheless. The arrivals of the last minute are counted by them.',
  ),
  PENSTOCK_HOUSEKEEP_GROUPS: list('').describe(
    "Further consumer groups that must have read a record before it is deleted, as topic=group pairs, besides Penstock's own.",
  ),
});

export type Config = z.infer<typeof environmentSchema>;
