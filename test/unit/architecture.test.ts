import { describe, expect, it } from 'vitest';
import { findCycle, folderOf, parseSource, readSources, type Import, type Source } from './sourceImports.js';

/** The arrows between the folders of src/: each rule is a function that tells what breaks it. */

/** From the inside out. A folder imports from rows above its own, never beside or below, but for what is listed. */
const LAYERS = [
  ['domain'],
  ['config', 'telemetry'],
  ['tracing', 'yaml'],
  ['service'],
  ['routing', 'tables', 'stream', 'storage', 'warehouse', 'inference', 'scenes'],
  ['admission', 'capacity', 'datasets'],
  ['audit', 'calibration'],
  ['activities', 'client', 'workflows'],
  ['workers', 'intake', 'dispatch', 'sink', 'embedded'],
  ['operations'],
  ['console'],
  ['cli'],
];

/** Folders that import another of their own row, and why. */
const BESIDE: Record<string, string> = {
  'inference -> storage': 'the child process downloads what it decodes, so that bytes are never sent between processes',
};

/** Files that other folders import although they are no index.ts, and why. */
const DEEP: Record<string, string> = {
  'workflows -> domain/backfill.ts': 'the index of domain loads zod, and no library may come into a workflow',
  'workflows -> domain/breaker.ts': 'the index of domain loads zod, and no library may come into a workflow',
  'workflows -> domain/capacity.ts': 'the index of domain loads zod, and no library may come into a workflow',
  'workflows -> domain/datasets.ts': 'the index of domain loads zod, and no library may come into a workflow',
  'workflows -> domain/day.ts': 'the index of domain loads zod, and no library may come into a workflow',
  'workflows -> domain/reasons.ts': 'the index of domain loads zod, and no library may come into a workflow',
  'workflows -> domain/topics.ts': 'the index of domain loads zod, and no library may come into a workflow',
  'cli -> operations/errors.ts': 'every verb tells of these, and none may wait for what operations load',
  'cli -> workers/metrics.ts': 'what workers define of metrics, without what they need to run',
  'cli -> workers/orchestrator.ts': 'a file per role: an orchestrator must not load what a detector needs',
  'cli -> workers/ingester.ts': 'a file per role: an ingester must not load what a detector needs',
  'cli -> workers/detector.ts': 'a file per role: a detector must not load what an orchestrator needs',
};

/** Types that a file takes from one that imports it, and why; nothing of it is left after compilation. */
const TYPES_BACK: Record<string, string> = {
  'cli/backfill/backfill.ts -> cli/backfill/index.ts': 'the options of a verb are declared beside its flags',
  'cli/backfill/options.ts -> cli/backfill/index.ts': 'the options of a verb are declared beside its flags',
  'cli/breaker/breaker.ts -> cli/breaker/index.ts': 'the options of a verb are declared beside its flags',
  'cli/capacity/change.ts -> cli/capacity/index.ts': 'the options of a verb are declared beside its flags',
  'cli/capacity/history.ts -> cli/capacity/index.ts': 'the options of a verb are declared beside its flags',
  'cli/capacity/options.ts -> cli/capacity/index.ts': 'the options of a verb are declared beside its flags',
  'cli/capacity/show.ts -> cli/capacity/index.ts': 'the options of a verb are declared beside its flags',
  'cli/capacity/withCapacity.ts -> cli/capacity/index.ts': 'the options of a verb are declared beside its flags',
  'cli/calibrate/calibrate.ts -> cli/calibrate/index.ts': 'the options of a verb are declared beside its flags',
  'cli/dataset/initManifest.ts -> cli/dataset/init.ts': 'the options of a verb are declared beside its flags',
  'cli/dead/discard.ts -> cli/dead/index.ts': 'the options of a verb are declared beside its flags',
  'cli/dead/filter.ts -> cli/dead/index.ts': 'the options of a verb are declared beside its flags',
  'cli/dead/ls.ts -> cli/dead/index.ts': 'the options of a verb are declared beside its flags',
  'cli/dead/replay.ts -> cli/dead/index.ts': 'the options of a verb are declared beside its flags',
  'cli/dead/show.ts -> cli/dead/index.ts': 'the options of a verb are declared beside its flags',
  'cli/deploy/deploy.ts -> cli/deploy/index.ts': 'the options of a verb are declared beside its flags',
  'cli/demo/demo.ts -> cli/demo/index.ts': 'the options of a verb are declared beside its flags',
  'cli/audit/audit.ts -> cli/audit/index.ts': 'the options of a verb are declared beside its flags',
  'cli/image/image.ts -> cli/image/index.ts': 'the options of a verb are declared beside its flags',
  'cli/migrate/migrate.ts -> cli/migrate/index.ts': 'the options of a verb are declared beside its flags',
  'cli/retry/options.ts -> cli/retry/index.ts': 'the options of a verb are declared beside its flags',
  'cli/retry/retry.ts -> cli/retry/index.ts': 'the options of a verb are declared beside its flags',
  'cli/status/status.ts -> cli/status/index.ts': 'the options of a verb are declared beside its flags',
};

/** Libraries that are kept behind one folder, or beginning of a path, each; further ones say why. */
const LIBRARIES: Record<string, string[]> = {
  '@clickhouse/client': ['warehouse/'],
  '@duckdb/node-api': ['datasets/'],
  '@google-cloud/storage': [
    'storage/',
    // The demo uploads pictures as a user would; Penstock itself only reads.
    'cli/demo/',
  ],
  '@node-rs/crc32': ['storage/'],
  '@opentelemetry/api': ['tracing/'],
  '@opentelemetry/exporter-trace-otlp-http': ['tracing/'],
  '@opentelemetry/resources': ['tracing/'],
  '@opentelemetry/sdk-trace-base': ['tracing/'],
  '@temporalio/activity': ['activities/'],
  '@temporalio/envconfig': ['client/', 'workers/'],
  '@temporalio/workflow': ['workflows/'],
  chdb: ['embedded/clickhouse/'],
  commander: ['cli/'],
  fzstd: ['datasets/'],
  kafkajs: [
    'stream/',
    // Asks a broker whether it is up before there is a topic, a configuration or a client of ours.
    'embedded/servers/kafka.ts',
  ],
  'onnxruntime-node': ['inference/'],
  'xxhash-wasm': ['datasets/'],
};

/** Who reads the environment: the entry of a role, and what starts programs. Everyone else is given a configuration. */
const READ_ENVIRONMENT = [
  'config/',
  'service/role.ts',
  'embedded/',
  'cli/',
  'inference/childProcess.ts',
  'calibration/partProcesses.ts',
];

const layerOf = (folder: string): number => LAYERS.findIndex((folders) => folders.includes(folder));
const isIn = (file: string, places: readonly string[]): boolean => places.some((place) => file.startsWith(place));
const say = ({ from, to }: Import): string => `${from} -> ${to}`;
const importsOf = (sources: readonly Source[]): Import[] => sources.flatMap(({ imports }) => imports);

/** Imports from one folder into another. */
function across(sources: readonly Source[]): (Import & { fromFolder: string; toFolder: string })[] {
  return importsOf(sources)
    .filter(({ isFile }) => isFile)
    .map((one) => ({ ...one, fromFolder: folderOf(one.from), toFolder: folderOf(one.to) }))
    .filter(({ fromFolder, toFolder }) => fromFolder !== toFolder);
}

function outward(sources: readonly Source[]): string[] {
  return across(sources)
    .filter(({ fromFolder, toFolder }) => layerOf(toFolder) >= layerOf(fromFolder) || layerOf(toFolder) < 0)
    .filter(({ fromFolder, toFolder }) => !Object.hasOwn(BESIDE, `${fromFolder} -> ${toFolder}`))
    .map(say);
}

function deep(sources: readonly Source[]): string[] {
  return across(sources)
    .filter(({ to, toFolder }) => to !== `${toFolder}/index.ts`)
    .filter(({ to, fromFolder, typeOnly }) => typeOnly || !Object.hasOwn(DEEP, `${fromFolder} -> ${to}`))
    .map(say);
}

function misplacedLibraries(sources: readonly Source[]): string[] {
  return importsOf(sources)
    .filter(({ isFile }) => !isFile)
    .filter(({ from, to }) => !isIn(from, LIBRARIES[to] ?? ['']))
    .map(say);
}

function environmentReaders(sources: readonly Source[]): string[] {
  return sources
    .filter(({ file, readsEnvironment }) => readsEnvironment && !isIn(file, READ_ENVIRONMENT))
    .map(({ file }) => file);
}

/** What would come into the bundle of the workflows but their own code, the domain's plain files and Temporal's. */
function intoWorkflows(sources: readonly Source[]): string[] {
  const byFile = new Map(sources.map((source) => [source.file, source.imports]));
  const open = sources.map(({ file }) => file).filter((file) => file.startsWith('workflows/'));
  const bundled = new Set(open);
  const wrong: string[] = [];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    for (const one of byFile.get(file) ?? []) {
      const allowed = one.isFile ? isIn(one.to, ['workflows/', 'domain/']) : one.to === '@temporalio/workflow';
      // Types are gone in the bundle, but may still come only from there. What a type-only import loads is not followed.
      if (!allowed && (!one.typeOnly || isIn(file, ['workflows/']))) wrong.push(say(one));
      if (one.typeOnly || !one.isFile || bundled.has(one.to)) continue;
      bundled.add(one.to);
      open.push(one.to);
    }
  }
  return wrong;
}

const cycleOfFiles = (sources: readonly Source[]): string[] | undefined =>
  findCycle(importsOf(sources).filter((one) => one.isFile && !(one.typeOnly && Object.hasOwn(TYPES_BACK, say(one)))));
const cycleOfFolders = (sources: readonly Source[]): string[] | undefined =>
  findCycle(across(sources).map(({ fromFolder, toFolder }) => ({ from: fromFolder, to: toFolder })));

const sources = readSources();

describe('the source', () => {
  it('depends inward, from row to row', () => expect(outward(sources)).toEqual([]));
  it('has every folder in a row', () => {
    expect([...new Set(sources.map(({ file }) => folderOf(file)))].sort()).toEqual(LAYERS.flat().sort());
  });
  it('enters a folder by its index.ts', () => expect(deep(sources)).toEqual([]));
  it('has no cycle of files', () => expect(cycleOfFiles(sources)).toBeUndefined());
  it('has no cycle of folders', () => expect(cycleOfFolders(sources)).toBeUndefined());
  it('brings nothing into workflows but Temporal and plain files of the domain', () =>
    expect(intoWorkflows(sources)).toEqual([]));
  it('keeps each of these libraries in its place', () => expect(misplacedLibraries(sources)).toEqual([]));
  it('reads the environment where a program begins, nowhere else', () =>
    expect(environmentReaders(sources)).toEqual([]));
  it('still needs each exception', () => {
    const edges = across(sources);
    const deepEdges = edges.map(({ fromFolder, to }) => `${fromFolder} -> ${to}`);
    const besideEdges = edges.map(({ fromFolder, toFolder }) => `${fromFolder} -> ${toFolder}`);
    expect(Object.keys(DEEP).filter((edge) => !deepEdges.includes(edge))).toEqual([]);
    const back = importsOf(sources).map(say);
    expect(Object.keys(TYPES_BACK).filter((edge) => !back.includes(edge))).toEqual([]);
    expect(Object.keys(BESIDE).filter((edge) => !besideEdges.includes(edge))).toEqual([]);
  });
});

describe('a rule breaks on', () => {
  const plus = (file: string, text: string): Source[] => [...sources, parseSource(file, text)];

  it.each([
    ['an arrow outward', outward, 'stream/new.ts', "export * from '../client/index.js';"],
    ['an arrow beside', outward, 'intake/new.ts', "import type { X } from '../sink/index.js';"],
    ['an arrow that is hidden in a type', outward, 'domain/new.ts', "type X = import('../config/index.js').Config;"],
    ['an import past the index', deep, 'sink/new.ts', "await import('../stream/kafka.js');"],
    ['an excepted file for its types alone', deep, 'workflows/new.ts', "import type { X } from '../domain/topics.js';"],
    ['a library in a workflow', intoWorkflows, 'workflows/new.ts', "import { z } from 'zod';"],
    ['a Node module in a workflow', intoWorkflows, 'workflows/new.ts', "import { join } from 'node:path';"],
    [
      'a library that comes with the domain',
      intoWorkflows,
      'workflows/new.ts',
      "import { type X } from '../domain/index.js';",
    ],
    [
      'types of activities in a workflow',
      intoWorkflows,
      'workflows/new.ts',
      "import type { X } from '../activities/index.js';",
    ],
    ['kafkajs elsewhere', misplacedLibraries, 'sink/new.ts', "import { Kafka } from 'kafkajs';"],
    ['a path inside chdb elsewhere', misplacedLibraries, 'warehouse/new.ts', "import 'chdb/connection';"],
    ['process.env elsewhere', environmentReaders, 'stream/new.ts', "const a = process.env['A'];"],
    ['env out of process elsewhere', environmentReaders, 'stream/new.ts', 'const { env: e } = process;'],
  ])('%s', (_, rule, file, text) => {
    expect(rule(plus(file, text))).not.toEqual([]);
  });

  it('a cycle', () => {
    const self = parseSource('scenes/new.ts', "import type { X } from './new.js';");
    expect(cycleOfFiles([self])).toEqual(['scenes/new.ts', 'scenes/new.ts']);
    const a = parseSource('client/a.ts', "import '../dispatch/b.js';");
    expect(cycleOfFolders([...sources, a])).toContain('dispatch');
  });
});
