import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Account } from '../clickhouse/request.js';
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
  if (program === undefined && !hasEngine())
    return Promise.reject(
      new StackError(
        'No servers come with this installation: it lacks chdb, the embedded ClickHouse, a development dependency. Run `penstock up` and `penstock demo` in a clone, set PENSTOCK_STACK_CLICKHOUSE to the address of a server, or give `penstock demo` the --intake of a stack that runs.',
      ),
    );
  const plan = program === undefined ? () => embedded(context) : () => server(context, program);
  return Promise.resolve({ kind: 'start', from: program ?? 'chdb', plan });
}

function hasEngine(): boolean {
  try {
    createRequire(import.meta.url).resolve('chdb/connection');
    return true;
  } catch {
    return false;
  }
}

async function embedded({ dataDir, environment, ports }: ServerContext) {
  const script = join(packageRoot(), 'dist', 'embedded', 'clickhouse', 'server.js');
  if (!existsSync(script)) throw new StackError(`${script} is missing: build Penstock first (npm run build).`);
  const folder = join(dataDir, 'clickhouse');
  await mkdir(folder, { recursive: true });
  const port = await ports.take('clickhouse');
  const args = [script, '--path', folder, '--port', String(port), '--host', HOST];
  return { command: process.execPath, args, ...common(port, accountOfRoles(environment)) };
}

async function server({ dataDir, environment, ports }: ServerContext, program: string) {
  const folder = join(dataDir, 'clickhouse-server');
  await mkdir(folder, { recursive: true });
  const port = await ports.take('clickhouse');
  const config = join(folder, 'config.xml');
  const account = accountOfRoles(environment);
  await writeFile(config, serverConfig(folder, port, account), { mode: 0o600 });
  return { command: program, args: ['server', '--config-file', config], ...common(port, account) };
}

/** An empty variable counts as not set, as in the configuration of roles. */
function accountOfRoles(environment: NodeJS.ProcessEnv): Account {
  return {
    user: environment['PENSTOCK_CLICKHOUSE_USER'] || 'default',
    password: environment['PENSTOCK_CLICKHOUSE_PASSWORD'] ?? '',
  };
}

function common(port: number, account: Account) {
  const clickhouse = `http://${HOST}:${port}`;
  return {
    addresses: { clickhouse },
    listeners: ['clickhouse'],
    environment: {
      // The embedded engine runs a query on a thread of the pool, which has 4 by default.
      UV_THREADPOOL_SIZE: '8',
      // Set always: those of the shell belong to another ClickHouse.
      CLICKHOUSE_USER: account.user,
      CLICKHOUSE_PASSWORD: account.password,
    },
    ready: (signal: AbortSignal) => until(() => answers(`${clickhouse}/ping`, 'Ok.'), signal),
  };
}

/** The server reads a user's name as the name of an element. */
const USER_NAME = /^[A-Za-z_][A-Za-z0-9_-]*$/;

function serverConfig(folder: string, port: number, { user, password }: Account): string {
  if (!USER_NAME.test(user))
    throw new StackError(`PENSTOCK_CLICKHOUSE_USER: '${user}' can't be a user of the ClickHouse on the PATH.`);
  return `<clickhouse>
  <logger><level>warning</level><console>1</console></logger>
  <http_port>${port}</http_port>
  <listen_host>${HOST}</listen_host>
  <path>${folder}/</path>
  <tmp_path>${folder}/tmp/</tmp_path>
  <user_files_path>${folder}/user_files/</user_files_path>
  <format_schema_path>${folder}/format_schemas/</format_schema_path>
  <max_server_memory_usage_to_ram_ratio>0.5</max_server_memory_usage_to_ram_ratio>
  <users><${user}>
    <password>${escapeXml(password)}</password>
    <networks><ip>::1</ip><ip>127.0.0.1</ip></networks>
    <profile>default</profile><quota>default</quota><access_management>1</access_management>
  </${user}></users>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <user_directories>
    <users_xml><path>config.xml</path></users_xml>
    <local_directory><path>${folder}/access/</path></local_directory>
  </user_directories>
</clickhouse>
`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
