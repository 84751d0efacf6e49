import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ConfigError, loadConfig } from '../../../src/config/index.js';
import { deadlineOf, openRouting, type Routing } from '../../../src/routing/index.js';
import { createMetrics } from '../../../src/telemetry/index.js';
import { MAX_FILE_BYTES } from '../../../src/yaml/index.js';
import { temporaryFolder } from '../embedded/rig.js';
import { capturedLogger } from '../intake/capturedLogger.js';

const EVERY_MS = 10;
const eventually = (holds: () => unknown): Promise<unknown> => vi.waitFor(holds, 10_000);

/** A file that sends the bucket `uploads` to a model. */
const routesTo = (model: string, lane = 'bulk'): string =>
  `version: 1\nroutes:\n  - bucket: uploads\n    model: ${model}\n    lane: ${lane}\n`;

/** Routing on a file that may change; closed when the test ends. */
async function open(file: string, environment: Record<string, string> = {}) {
  const { log, lines } = capturedLogger();
  const metrics = createMetrics('intake');
  const config = loadConfig({ PENSTOCK_ROUTING_FILE: file, ...environment });
  const routing = await openRouting(config, log, { metrics, everyMs: EVERY_MS });
  onTestFinished(() => routing.close());
  const value = async (name: string, result?: string): Promise<number | undefined> =>
    (await metrics.registry.getSingleMetric(name)?.get())?.values.find(({ labels }) => labels['result'] === result)
      ?.value;
  return {
    routing,
    errors: () => lines.filter(({ level }) => level === 50),
    taken: () => value('penstock_routing_reloads_total', 'taken'),
    refused: () => value('penstock_routing_reloads_total', 'refused'),
    stale: () => value('penstock_routing_stale'),
  };
}

const uploaded = (metadata: Record<string, unknown> = {}, object = 'a.jpg') => ({
  bucket: 'uploads',
  object,
  metadata,
});
const modelOf = ({ route }: Routing): string | undefined => route(uploaded())?.model;

describe('without a file', () => {
  test('everything goes to the defaults, and metadata picks a lane', async () => {
    const routing = await openRouting(loadConfig({ PENSTOCK_DEFAULT_MODEL: 'yolo' }), capturedLogger().log);
    expect(routing.route(uploaded())).toEqual({ model: 'yolo', lane: 'bulk' });
    expect(routing.route(uploaded({ 'penstock-lane': 'express' }))).toEqual({ model: 'yolo', lane: 'express' });
    expect(routing.models()).toEqual(['yolo']);
    expect(routing.pins()).toEqual(new Map());
    routing.close();
  });
});

describe('with a file', () => {
  test('an object takes its route, metadata may pick another lane within it, and the rest goes nowhere', async () => {
    const file = join(await temporaryFolder(), 'routing.yaml');
    await writeFile(
      file,
      `version: 1
routes:
  - { bucket: uploads, model: shapes@b837ae85758e, lane: express, deadline: 1h }
  - { bucket: uploads, prefix: photos/, model: yolo }
  - { bucket: uploads, prefix: photos/tests/, ignore: true }
  - { bucket: others, model: yolo }
`,
    );
    const { routing } = await open(file, { PENSTOCK_DEFAULT_LANE: 'bulk' });
    expect(routing.route(uploaded())).toEqual({ model: 'shapes', lane: 'express', deadlineMs: 3_600_000 });
    expect(routing.route(uploaded({ 'penstock-lane': 'bulk' }))?.lane).toBe('bulk');
    expect(routing.route(uploaded({ 'penstock-lane': 'held' }))?.lane).toBe('express');
    expect(routing.route(uploaded({}, 'photos/1.jpg'))).toEqual({ model: 'yolo', lane: 'bulk' });
    expect(routing.route(uploaded({ 'penstock-lane': 'bulk' }, 'photos/tests/1.jpg'))).toBeUndefined();
    expect(routing.route({ ...uploaded(), bucket: 'third' })).toBeUndefined();
    expect(routing.models()).toEqual(['shapes', 'yolo']);
    expect(routing.pins()).toEqual(new Map([['shapes', 'b837ae85758e']]));
  });

  test.each([
    ['is not there', async () => Promise.resolve(), /ENOENT/],
    ['is a folder', (file: string) => mkdir(file), /no regular file/],
    ['is wrong', (file: string) => writeFile(file, routesTo('Shapes')), /routing\.yaml:4:12: /],
    ['is too large', (file: string) => writeFile(file, '#'.repeat(MAX_FILE_BYTES + 1)), /:1:1: .*larger than 262144/],
    ['is no UTF-8', (file: string) => writeFile(file, Buffer.from([0xff, 0xfe])), /:1:1: the file is not UTF-8/],
  ])('one that %s at the start is a wrong configuration', async (_, make, message) => {
    const file = join(await temporaryFolder(), 'routing.yaml');
    await make(file);
    const opening = open(file);
    await expect(opening).rejects.toThrow(ConfigError);
    await expect(opening).rejects.toThrow(message);
  });
});

describe('the routes change with the file', () => {
  test('that is written in place', async () => {
    const file = join(await temporaryFolder(), 'routing.yaml');
    await writeFile(file, routesTo('one'));
    const { routing, taken, errors } = await open(file);
    const { route } = routing;
    await writeFile(file, routesTo('two'));
    await eventually(() => expect(route(uploaded())?.model).toBe('two'));
    expect(routing.models()).toEqual(['two']);
    expect(await taken()).toBe(1);
    expect(errors()).toEqual([]);
  });

  test('that is replaced by a rename', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'routing.yaml');
    await writeFile(file, routesTo('one'));
    const { routing } = await open(file);
    for (const model of ['two', 'three']) {
      await writeFile(join(folder, 'new'), routesTo(model));
      await rename(join(folder, 'new'), file);
      await eventually(() => expect(modelOf(routing)).toBe(model));
    }
  });

  test('that is in a mounted ConfigMap, whose link is swapped', async () => {
    const folder = await temporaryFolder();
    const publish = async (version: string, model: string): Promise<void> => {
      await mkdir(join(folder, version));
      await writeFile(join(folder, version, 'routing.yaml'), routesTo(model));
      await symlink(version, join(folder, '..data_tmp'));
      await rename(join(folder, '..data_tmp'), join(folder, '..data'));
    };
    await publish('..2026_01', 'one');
    await symlink('..data/routing.yaml', join(folder, 'routing.yaml'));
    const { routing } = await open(join(folder, 'routing.yaml'));
    await publish('..2026_02', 'two');
    await rm(join(folder, '..2026_01'), { recursive: true });
    await eventually(() => expect(modelOf(routing)).toBe('two'));
  });
});

describe('the routes stay as they were', () => {
  test('while the file is wrong: it is told once for each content, with its line, and by a gauge', async () => {
    const file = join(await temporaryFolder(), 'routing.yaml');
    await writeFile(file, routesTo('one'));
    const { routing, errors, refused, taken, stale } = await open(file);
    expect(await stale()).toBe(0);
    await writeFile(file, routesTo('two', 'noon'));
    await eventually(async () => expect(await stale()).toBe(1));
    expect(errors()).toHaveLength(1);
    expect(errors()[0]).toMatchObject({ problem: expect.stringContaining(`${file}:5:11: lane 'noon'`) as unknown });
    await writeFile(file, '');
    await eventually(() => expect(errors()).toHaveLength(2));
    expect([modelOf(routing), await refused(), await taken()]).toEqual(['one', 2, 0]);
    await writeFile(file, routesTo('one'));
    await eventually(async () => expect(await stale()).toBe(0));
    await writeFile(file, routesTo('two'));
    await eventually(() => expect(modelOf(routing)).toBe('two'));
    expect([await refused(), await taken()]).toEqual([2, 1]);
  });

  test('while the file is away, and follow it when it is back', async () => {
    const file = join(await temporaryFolder(), 'routing.yaml');
    await writeFile(file, routesTo('one'));
    const { routing, errors, stale } = await open(file);
    await rm(file);
    await eventually(async () => expect(await stale()).toBe(1));
    expect(errors()[0]).toMatchObject({ problem: expect.stringContaining('ENOENT') as unknown });
    expect(modelOf(routing)).toBe('one');
    await writeFile(file, routesTo('two'));
    await eventually(() => expect(modelOf(routing)).toBe('two'));
    expect([await stale(), errors().length]).toEqual([0, 1]);
  });
});

test.each<[string, number | undefined, unknown, number | undefined]>([
  ['that of the route, counted from the upload', 500, undefined, 1_500],
  ["the object's own where there is no other", undefined, '1970-01-01T00:00:02Z', 2_000],
  ["the object's own where it is earlier", 5_000, '1970-01-01T01:00:02+01:00', 2_000],
  ['that of the route where it is earlier', 500, '1970-01-01T00:00:02Z', 1_500],
  ['that of the route where metadata is no time', 500, 'tomorrow', 1_500],
  ['none where metadata is no time', undefined, 7, undefined],
  ['none where it is later than a column holds', undefined, '9999-12-31T23:59:59Z', undefined],
  ['none where the route says as much', 86_400_000 * 99_999, undefined, undefined],
])('the deadline is %s', (_, deadlineMs, own, expected) => {
  const object = { metadata: { 'penstock-deadline': own }, uploadedAtMs: 1_000 };
  expect(deadlineOf(deadlineMs === undefined ? {} : { deadlineMs }, object)).toBe(expected);
});
