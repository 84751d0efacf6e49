import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listMetrics } from '../../src/cli/metricsTable.js';
import { startStack, type Stack } from '../../src/embedded/index.js';
import { createLogger } from '../../src/telemetry/index.js';
import { applyManifests, putFiles, runDataset } from './datasets/rig.js';
import { debianProgram } from './debian.js';
import { drawDashboards } from './drawDashboards.js';
import { Fleet, NOOP, NOOP_DIR } from './fleet.js';
import { endpointsNow, eventually, useStack } from './pipeline.js';
import { startPrometheus, type Prometheus } from './prometheus.js';
import { Sender } from './sender.js';

const FOLDER = fileURLToPath(new URL('../../deploy/grafana/dashboards/', import.meta.url));
const IMAGES = 3_000;
const CAP = 100;
/** Events that go through intake meanwhile. */
const PER_SECOND = 5;

interface Query {
  panel: string;
  expr: string;
}

const queries: Query[] = readdirSync(FOLDER).flatMap((file) => {
  const { panels, title } = JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as {
    title: string;
    panels: { title: string; targets?: { expr: string }[]; panels?: never }[];
  };
  return panels.flatMap(({ title: panel, targets = [] }) =>
    targets.map(({ expr }) => ({ panel: `${title}: ${panel}`, expr: expr.replaceAll('$__rate_interval', '15s') })),
  );
});

/** Told by parts that are not here: a GPU, and a ClickHouse server with an endpoint of its own. */
const isForeign = ({ expr }: Query): boolean => /\b(?:DCGM|ClickHouse)[A-Za-z]*_/.test(expr);
/** Panels of what does not happen here: nothing fails, no budget is set, no audit has run. */
const QUIET = [
  ...['Missing', 'Dead images', 'Open breakers', 'What intake does with events', 'Left today', 'Spent today'],
  ...['Records that are gone unread', 'Retention put back', 'Disk of the broker', 'Activity failures'],
  ...['Inserts that failed', 'Records set apart', 'Workflows that end', 'Money for a million images', 'Starved'],
  ...['Growth of ClickHouse', 'Share of the cap', 'Runs that end'],
];
const isQuiet = ({ panel }: Query): boolean => QUIET.some((name) => panel.endsWith(`: ${name}`));

/** A run whose rows have all outcomes. */
async function runSomeDataset(folder: string): Promise<void> {
  await putFiles(folder, [{ name: 'input/orders.csv', bytes: Buffer.from('id\n1\n1\nx\n') }]);
  await applyManifests({
    shown: `version: penstock/v1
name: shown
source: { type: files, folder: ${folder}/input, match: ['*.csv'] }
format: { type: csv }
columns: [{ name: id, type: Int64, required: true }]
checks: { maxQuarantined: 50 % }
target: { mode: append, key: [id], orderBy: [id] }
`,
  });
  expect(await runDataset('shown')).toMatchObject({ status: 'done', run: { status: 'published' } });
}

const PICTURES = process.env['TEST_SCREENSHOTS'];

const program = await debianProgram('prometheus', 'prometheus');

describe.skipIf(program === undefined)(
  'a running stack under load (skipped where apt can not fetch Prometheus)',
  () => {
    let folder: string;
    let stack: Stack;
    let fleet: Fleet;
    let prometheus: Prometheus;
    let load: { stop: () => Promise<number> };

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'penstock-dashboards-'));
      stack = await startStack({
        ...{ dataDir: folder, modelDir: NOOP_DIR, log: createLogger('dashboards', 'silent') },
        environment: { PENSTOCK_DETECT_CHILDREN: '1', PENSTOCK_LOG_LEVEL: 'warn' },
      });
      useStack(folder);
      fleet = await Fleet.connect();
      prometheus = await startPrometheus(program ?? '', (await endpointsNow()).metrics);
      await fleet.change({ set: { model: NOOP, cap: CAP } });
      await fleet.feed('dashboards/', IMAGES);
      await runSomeDataset(folder);
      const { intake = '' } = await endpointsNow();
      load = new Sender(() => intake).steady(PER_SECOND, (index) => ({
        image: { bucket: 'uploads', object: `dashboards-intake/${index}.jpg`, generation: '1' },
        resource: { contentType: 'image/jpeg', timeCreated: new Date().toISOString() },
      }));
      // Until everything that looks now and then has looked: lag and ClickHouse every 15 s.
      await eventually(
        () => prometheus.query('sum(penstock_stream_lag_records{group="penstock.dispatcher.bulk"}) > 0'),
        (samples) => samples.length > 0,
        60_000,
      );
      await eventually(
        () => prometheus.query('sum(rate(penstock_sink_rows_total{table="image_results"}[15s])) > 0'),
        (samples) => samples.length > 0,
        60_000,
      );
    });

    afterAll(async () => {
      await load.stop();
      await prometheus.stop();
      await fleet.close('dashboards/', 0);
      await stack.stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    });

    it.each(queries)('answers $panel', async (query) => {
      const isDue = !isForeign(query) && !isQuiet(query);
      await eventually(
        () => prometheus.query(query.expr),
        (samples) => !isDue || samples.length > 0,
        // Rollups and audits look at an interval of their own.
        60_000,
      );
    });

    it('tells no metric of Penstock that docs/metrics.md does not have, and no label that has no bound', async () => {
      const listed = new Map(listMetrics().map(({ name, labels }) => [name, labels]));
      const told = await prometheus.query('{__name__=~"penstock_.+"}');
      expect(told.length).toBeGreaterThan(100);
      for (const { metric } of told) {
        const name = (metric['__name__'] ?? '').replace(/_(?:bucket|sum|count)$/, '');
        const labels = listed.get(name) ?? listed.get(metric['__name__'] ?? '');
        expect(labels, metric['__name__']).toBeDefined();
        const known = ['__name__', 'role', 'job', 'instance', 'le', ...(labels ?? [])];
        expect(Object.keys(metric).filter((label) => !known.includes(label))).toEqual([]);
      }
    });

    it("passes on the metrics of Temporal's SDK", async () => {
      for (const name of ['temporal_worker_task_slots_used', 'temporal_num_pollers', 'temporal_request_total'])
        expect((await prometheus.query(name)).length, name).toBeGreaterThan(0);
    });

    it.runIf(PICTURES !== undefined)('is drawn for the eye (skipped without TEST_SCREENSHOTS)', () =>
      drawDashboards(FOLDER, { prometheus, into: PICTURES ?? '', seconds: 60 }),
    );

    it('says how old the queue is, and how far behind each partition', async () => {
      const [age] = await prometheus.query('max(penstock_dispatcher_queue_age_seconds{lane="bulk"})');
      expect(age?.value).toBeGreaterThan(0);
      const partitions = await prometheus.query('penstock_stream_lag_records{group="penstock.dispatcher.bulk"}');
      expect(partitions.length).toBeGreaterThan(1);
    });
  },
);
