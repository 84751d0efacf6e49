import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StackError } from '../errors.js';
import { packageRoot } from '../files.js';
import { HOST } from '../ports.js';
import { answers, until } from '../wait.js';
import { programOnPath, type ResolvedServer, type ServerContext } from './server.js';

export interface ClickHouseAddresses {
  /** http://host:port */
  clickhouse: string;
}

/** A ClickHouse server where there is one, else the embedded engine behind the same HTTP interface. */
export function resolveClickHouse(context: ServerContext): Promise<ResolvedServer<ClickHouseAddresses>> {
  const address = context.environment['PENSTOCK_STACK_CLICKHOUSE'];
  if (address) return Promise.resolve({ kind: 'elsewhere', addresses: { clickhouse: address } });
  const program = programOnPath(context.environment, 'clickhouse');
  const plan = program === undefined ? () => embedded(context) : () => server(context, program);
  return Promise.resolve({ kind: 'start', from: program ?? 'chdb', plan });
}

async function embedded({ dataDir, ports }: ServerContext) {
  const script = join(packageRoot(), 'dist', 'embedded', 'clickhouse', 'server.js');
  if (!existsSync(script)) throw new StackError(`${script} is missing: build Penstock first (npm run build).`);
  const folder = join(dataDir, 'clickhouse');
  await mkdir(folder, { recursive: true });
  const port = await ports.take('clickhouse');
  const args = [script, '--path', folder, '--port', String(port), '--host', HOST];
  return { command: process.execPath, args, ...common(port) };
}

async function server({ dataDir, ports }: ServerContext, program: string) {
  const folder = join(dataDir, 'clickhouse-server');
  await mkdir(folder, { recursive: true });
  const port = await ports.take('clickhouse');
  const config = join(folder, 'config.xml');
  await writeFile(config, serverConfig(folder, port));
  return { command: program, args: ['server', '--config-file', config], ...common(port) };
}

function common(port: number) {
  const clickhouse = `http://${HOST}:${port}`;
  return {
    addresses: { clickhouse },
    listeners: ['clickhouse'],
    // The embedded engine runs a query on a thread of the pool, which has 4 by default.
    environment: { UV_THREADPOOL_SIZE: '8' },
    ready: (signal: AbortSignal) => until(() => answers(`${clickhouse}/ping`, 'Ok.'), signal),
  };
}

function serverConfig(folder: string, port: number): string {
  return `<clickhouse>
  <logger><level>warning</level><console>1</console></logger>
  <http_port>${port}</http_port>
  <listen_host>${HOST}</listen_host>
  <path>${folder}/</path>
  <tmp_path>${folder}/tmp/</tmp_path>
  <user_files_path>${folder}/user_files/</user_files_path>
  <format_schema_path>${folder}/format_schemas/</format_schema_path>
  <max_server_memory_usage_to_ram_ratio>0.5</max_server_memory_usage_to_ram_ratio>
  <users><default>
    <password></password>
    <networks><ip>::1</ip><ip>127.0.0.1</ip></networks>
    <profile>default</profile><quota>default</quota><access_management>1</access_management>
  </default></users>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <user_directories>
    <users_xml><path>config.xml</path></users_xml>
    <local_directory><path>${folder}/access/</path></local_directory>
  </user_directories>
</clickhouse>
`;
}
