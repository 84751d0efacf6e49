import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { expect, onTestFinished, test, vi } from 'vitest';
import { pointAtStack, type Endpoints } from '../../../src/embedded/index.js';
import { roleSettings } from '../../../src/embedded/startRoles.js';
import { resolveClickHouse } from '../../../src/embedded/servers/clickhouse.js';
import { createLogger } from '../../../src/telemetry/index.js';
import { temporaryFolder } from './rig.js';

const elsewhere: Endpoints = {
  temporal: '127.0.0.1:1',
  kafka: '127.0.0.1:2',
  gcs: 'http://127.0.0.1:3',
  clickhouse: 'http://127.0.0.1:4',
  bucket: 'uploads',
  metrics: {},
  pids: {},
  supervisor: process.pid,
};
const own: Endpoints = { ...elsewhere, temporalUi: 'http://127.0.0.1:5' };

/** A shell set up for Temporal Cloud: variables, and a profile in the file that Temporal's loader looks for. */
async function cloudShell(): Promise<NodeJS.ProcessEnv> {
  const home = await temporaryFolder();
  const folder = join(home, 'temporalio');
  await mkdir(folder);
  const profile = 'address = "cloud:7233"\nnamespace = "cloud"\napi_key = "key"\n[profile.NAME.tls]\nserver_name = "s"';
  const profiles = ['default', 'prod'].map((name) => `[profile.${name}]\n${profile.replace('NAME', name)}\n`);
  await writeFile(join(folder, 'temporal.toml'), profiles.join(''));
  return {
    HOME: home,
    XDG_CONFIG_HOME: home,
    TEMPORAL_ADDRESS: 'shell:7233',
    TEMPORAL_NAMESPACE: 'shell',
    TEMPORAL_API_KEY: 'key of the shell',
    TEMPORAL_TLS: 'true',
    TEMPORAL_TLS_SERVER_NAME: 'shell',
    TEMPORAL_PROFILE: 'prod',
    TEMPORAL_GRPC_META_TENANT: 'shell',
  };
}

test("settings for a Temporal of the user's, in the shell or in a file, do not reach that of the stack", async () => {
  const shell = await cloudShell();
  pointAtStack(shell, own);
  expect(loadClientConnectConfig({ overrideEnvVars: stringsOf(shell) })).toEqual({
    namespace: 'default',
    connectionOptions: { address: '127.0.0.1:1' },
  });
  const bare = { XDG_CONFIG_HOME: shell['XDG_CONFIG_HOME'], HOME: shell['HOME'] };
  pointAtStack(bare, own);
  expect(loadClientConnectConfig({ overrideEnvVars: stringsOf(bare) }).connectionOptions.apiKey).toBeUndefined();
});

test('a Temporal that runs elsewhere is spoken to as the user has set it up', async () => {
  const shell = await cloudShell();
  pointAtStack(shell, elsewhere);
  expect(loadClientConnectConfig({ overrideEnvVars: stringsOf(shell) })).toMatchObject({
    namespace: 'shell',
    connectionOptions: {
      address: '127.0.0.1:1',
      apiKey: 'key of the shell',
      tls: { serverNameOverride: 'shell' },
      metadata: { tenant: 'shell' },
    },
  });
});

test.each([
  ['the default account', {}, { CLICKHOUSE_USER: 'default', CLICKHOUSE_PASSWORD: '' }],
  [
    'that of the roles',
    { PENSTOCK_CLICKHOUSE_USER: 'anna', PENSTOCK_CLICKHOUSE_PASSWORD: 'secret' },
    { CLICKHOUSE_USER: 'anna', CLICKHOUSE_PASSWORD: 'secret' },
  ],
])('the embedded ClickHouse has %s, whatever the shell has for another', async (_, environment, account) => {
  const server = await resolveClickHouse({
    dataDir: await temporaryFolder(),
    cache: '',
    environment: { CLICKHOUSE_USER: 'shell', CLICKHOUSE_PASSWORD: 'shell', ...environment },
    ports: {
      take: () => Promise.resolve(1),
      lost: () => Promise.resolve(false),
      save: () => Promise.resolve(),
    },
    log: createLogger('test', 'silent'),
  });
  if (server.kind !== 'start') throw new Error('it is not started');
  expect((await server.plan()).environment).toMatchObject(account);
});

function stringsOf(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

test('a routing file is the one of the folder in which the stack is started, whatever folder a role runs in', () => {
  vi.stubEnv('PENSTOCK_ROUTING_FILE', 'conf/routing.yaml');
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const fileOf = (further?: Record<string, string>): string | undefined =>
    roleSettings({ endpoints: own, endpointsFile: '/stack/endpoints.json', ...(further ? { further } : {}) })[
      'PENSTOCK_ROUTING_FILE'
    ];
  expect(fileOf()).toBe(resolve('conf/routing.yaml'));
  expect(fileOf({ PENSTOCK_ROUTING_FILE: 'other.yaml' })).toBe(resolve('other.yaml'));
  vi.stubEnv('PENSTOCK_ROUTING_FILE', '');
  expect(fileOf()).toBe('');
});
