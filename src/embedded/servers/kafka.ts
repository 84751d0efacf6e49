import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { runTool } from '../cache.js';
import { StackError } from '../errors.js';
import { kafkaJars } from '../packages.js';
import { HOST } from '../ports.js';
import { requireJava } from '../prerequisites.js';
import { until } from '../wait.js';
import { brokerProperties, logProperties } from './kafka-properties.js';
import { programOnPath, type ResolvedServer, type ServerContext } from './server.js';

export interface KafkaAddresses {
  /** host:port */
  kafka: string;
}

/** How the two programs of Kafka are called: the one that formats the log folder, and the broker. */
interface Programs {
  format: readonly [command: string, ...args: string[]];
  broker: readonly [command: string, ...args: string[]];
  environment: Record<string, string>;
}

const HEAP = '-Xmx512m';
/** One collector thread suits two cores best; the quick compiler is enough, and spares them the thorough one. */
const JVM = [HEAP, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Djava.awt.headless=true'];

/** One broker in KRaft mode that is its own controller. */
export async function resolveKafka(context: ServerContext): Promise<ResolvedServer<KafkaAddresses>> {
  const address = context.environment['PENSTOCK_STACK_KAFKA'];
  if (address) return { kind: 'elsewhere', addresses: { kafka: address } };
  await requireJava();
  const found = installed(context);
  const from = found?.broker[0] ?? (await kafkaJars(context.cache, context.log));
  return { kind: 'start', from, plan: () => plan(context, found ?? jars(context, from)) };
}

async function plan({ dataDir, ports, log }: ServerContext, programs: Programs) {
  const folder = join(dataDir, 'kafka');
  await mkdir(folder, { recursive: true });
  const port = await ports.take('kafka');
  const controllerPort = await ports.take('kafkaController');
  const properties = join(folder, 'server.properties');
  await writeFile(properties, brokerProperties(join(folder, 'log'), port, controllerPort));
  await writeFile(join(folder, 'log4j2.properties'), logProperties());
  if (!existsSync(join(folder, 'log', 'meta.properties'))) {
    log.info({ folder }, 'formatting the log of Kafka');
    const [command, ...args] = programs.format;
    const id = randomBytes(16).toString('base64url').replace(/^-/, 'A');
    await runTool('Formatting the log of Kafka', command, [...args, 'format', '-t', id, '-c', properties], {
      timeoutMs: 60_000,
      cwd: folder,
      env: { ...process.env, ...programs.environment },
    });
  }
  const address = `${HOST}:${port}`;
  const [command, ...args] = programs.broker;
  return {
    command,
    args: [...args, properties],
    environment: programs.environment,
    addresses: { kafka: address },
    listeners: ['kafka', 'kafkaController'],
    ready: (signal: AbortSignal) => until(() => answersMetadata(address), signal),
  };
}

async function answersMetadata(address: string): Promise<boolean> {
  const kafka = new Kafka({
    clientId: 'penstock-up',
    brokers: [address],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 2000,
    requestTimeout: 5000,
    retry: { retries: 0 },
  });
  const admin = kafka.admin();
  try {
    await admin.connect();
    const { brokers } = await admin.describeCluster();
    return brokers.length > 0;
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

function jars({ dataDir }: ServerContext, folder: string): Programs {
  const classPath = [
    '-cp',
    join(folder, '*'),
    `-Dlog4j2.configurationFile=${join(dataDir, 'kafka', 'log4j2.properties')}`,
  ];
  return {
    format: [
      'java',
      '-Xmx128m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      ...classPath,
      'kafka.tools.StorageTool',
    ],
    broker: ['java', ...JVM, ...classPath, 'kafka.Kafka'],
    environment: {},
  };
}

/** An installed Kafka: `kafka-storage` lies beside `kafka-server-start`. */
function installed({ dataDir, environment }: ServerContext): Programs | undefined {
  const start = programOnPath(environment, 'kafka-server-start.sh', 'kafka-server-start');
  if (start === undefined) return undefined;
  const storage = join(dirname(start), start.endsWith('.sh') ? 'kafka-storage.sh' : 'kafka-storage');
  if (!existsSync(storage))
    throw new StackError(`${start} is on the PATH, but not ${storage}: Kafka 3.7 or later is needed.`);
  const folder = join(dataDir, 'kafka');
  return {
    format: [storage],
    broker: [start],
    environment: {
      KAFKA_HEAP_OPTS: HEAP,
      KAFKA_JVM_PERFORMANCE_OPTS: JVM.slice(1).join(' '),
      LOG_DIR: join(folder, 'logs'),
      KAFKA_LOG4J_OPTS: `-Dlog4j2.configurationFile=${join(folder, 'log4j2.properties')}`,
    },
  };
}
