import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { manifestWarnings, parseManifest } from '../../../../src/datasets/index.js';
import { fleetDatasets } from '../../../system/datasets/fleet.js';
import { expectRuns, fleetPath, startApi, worldOf, type Api } from '../../../system/datasets/index.js';

const SEED = 7;
const FLEET = fleetDatasets({ seed: SEED, rows: 100 });
const PLACES = { bucket: 'fleet', folder: '/data/fleet', apiUrl: 'http://127.0.0.1:4711' };

test('there are forty datasets, ds_01 to ds_40', () => {
  expect(FLEET.map(({ name }) => name)).toEqual(
    Array.from({ length: 40 }, (_, index) => `ds_${String(index + 1).padStart(2, '0')}`),
  );
});

test('they read from objects, files and APIs, in each format and mode', () => {
  const found = new Set(
    FLEET.flatMap(({ variant }) => [
      variant.source,
      variant.format,
      variant.mode,
      variant.pagination,
      variant.compression,
    ]),
  );
  expect([...found].sort()).toEqual(
    [
      ...['objects', 'files', 'http', 'csv', 'tsv', 'ndjson', 'json', 'parquet'],
      ...['append', 'replace all', 'replace partitions', 'none', 'page', 'cursor', 'gzip', 'zstd'],
    ].sort(),
  );
});

test('each is due every twenty to sixty seconds, or each minute by cron: its manifest says it, unless it is to run by hand', () => {
  for (const { schedule, manifest } of FLEET) {
    const read = parseManifest(manifest(PLACES), 'ds.yaml').manifest;
    if ('cron' in schedule) expect(read.schedule?.cron).toBe(schedule.cron);
    else {
      expect(read.schedule?.every).toBe(`${schedule.everySeconds}s`);
      expect(schedule.everySeconds).toBeGreaterThanOrEqual(20);
      expect(schedule.everySeconds).toBeLessThanOrEqual(60);
    }
    expect(parseManifest(manifest(PLACES, false), 'ds.yaml').manifest.schedule).toBeUndefined();
  }
});

it.each(FLEET)('$name has a manifest that nothing is warned of', ({ name, manifest }) => {
  const read = parseManifest(manifest(PLACES), `${name}.yaml`).manifest;
  expect(read.name).toBe(name);
  expect(manifestWarnings(read)).toEqual([]);
});

it.each(FLEET)('$name: three runs load, set aside and count duplicates as its mode says', async (dataset) => {
  const versions = await Promise.all([0, 1, 2].map((version) => dataset.version(version)));
  const world = worldOf({ hash: (text) => text });
  const { runs, table } = expectRuns(
    dataset.rules,
    versions.map(({ records }) => ({ records, world })),
  );
  const { mode, isUnique, hasKey, source } = dataset.variant;
  for (const [at, { read, loaded, quarantined, duplicates, failed }] of runs.entries()) {
    expect(failed).toBeUndefined();
    expect(loaded).toBeGreaterThan(0);
    expect(read).toBe(loaded + quarantined.length + duplicates);
    const reasons = new Set(quarantined.map(({ reason }) => reason));
    expect([...reasons]).toEqual(
      expect.arrayContaining(['MISSING_VALUE', 'BAD_VALUE', 'CHECK', ...(isUnique ? ['UNIQUE'] : [])]),
    );
    // Two rows are repeated, two have a later one of their key, up to five of the version before come again.
    const own = isUnique ? 0 : hasKey ? 4 : 2;
    const again = duplicates - own;
    if (mode !== 'append' || at === 0) expect(again).toBe(0);
    else expect([1, 2, 3, 4, 5]).toContain(again);
  }
  const last = runs.at(-1)?.loaded ?? 0;
  const all = runs.reduce((sum, { loaded }) => sum + loaded, 0);
  expect(table.rows).toHaveLength(mode === 'replace all' ? last : all);
  expect(source === 'http' ? versions[0]?.route : versions[0]?.files[0]).toBeDefined();
});

test('a version is the same whenever it is made', async () => {
  for (const dataset of FLEET.slice(0, 12)) {
    const again = fleetDatasets({ seed: SEED, rows: 100 }).find(({ name }) => name === dataset.name);
    const [first, second] = [await dataset.version(1), await again?.version(1)];
    expect(second?.records).toEqual(first.records);
    expect(second?.files.map(({ bytes }) => bytes.toString('hex'))).toEqual(
      first.files.map(({ bytes }) => bytes.toString('hex')),
    );
  }
});

describe('an API of the fleet', () => {
  let api: Api;

  beforeAll(async () => {
    api = await startApi({ seed: 1 });
  });

  afterAll(() => api.close());

  it.each(FLEET.filter(({ variant }) => variant.pagination !== 'none'))(
    '$name gives all records, page by page',
    async (dataset) => {
      const { route, records } = await dataset.version(0);
      if (route === undefined) throw new Error('no route');
      api.routes.set(fleetPath(dataset.name), route);
      const lines: string[] = [];
      let next: string | null = dataset.variant.pagination === 'page' ? '1' : '0';
      for (let page = 1; next !== null; page += 1) {
        const response = await fetch(
          `${api.url}${fleetPath(dataset.name)}?limit=60&${dataset.variant.pagination}=${next}`,
        );
        const { items, next: cursor } = (await response.json()) as { items: { at: string }[]; next: string | null };
        lines.push(...items.map(({ at }, index) => `#page=${page} ${index + 1} ${at}`));
        const isLast = dataset.variant.pagination === 'page' ? items.length === 0 : cursor === null;
        next = isLast ? null : dataset.variant.pagination === 'page' ? String(page + 1) : cursor;
      }
      expect(lines).toEqual(records.map(({ source, line, fields }) => `${source} ${line} ${fields['at']}`));
    },
  );
});
