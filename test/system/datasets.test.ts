import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  answered,
  appEventRules,
  askedSinceMs,
  customerRules,
  EMPTY,
  expectRun,
  generateAppEvents,
  generateCustomers,
  generatePayments,
  generatePhotoOrders,
  generateShopOrders,
  generateWebPrices,
  keyedHash,
  paymentRules,
  photoOrderRules,
  rowTexts,
  shopOrderRules,
  shopOrdersRoute,
  SHOP_ORDERS_PATH,
  startApi,
  webPriceRules,
  worldOf,
  type Api,
  type LandedRow,
  type Library,
  type Rules,
  type ShopVersion,
  type SourceFile,
  type Table,
  type World,
  type Written,
} from './datasets/index.js';
import { connectTemporal } from '../../src/client/index.js';
import { datasetTurnId, hostPaceId } from '../../src/domain/index.js';
import { pointAtStack } from '../../src/embedded/index.js';
import { endpointsNow } from './pipeline.js';
import { recordHistory } from './recordHistory.js';
import { penstock } from './program.js';
import {
  applyManifests,
  landed,
  outcomeOf,
  putFiles,
  putObjects,
  putSecret,
  runDataset,
  sortedRows,
  tableTexts,
  type RunReport,
} from './datasets/rig.js';

/** Runs of the example manifests on the stack, held against what plain code makes of the same data. */

const SEED = 8;
const HASH_KEY = 'key of the test';
const TOKEN = 'token-of-the-shop-that-nobody-knows';
const EXAMPLES = ['customers', 'shop_orders', 'web_prices', 'app_events', 'payments', 'photo_orders'];
const MINUTES_MS = 240_000;

let api: Api;
let folder: string;
let shop: ShopVersion | undefined;
const tables = new Map<string, Table>();
const hash = keyedHash(HASH_KEY);

beforeAll(async () => {
  pointAtStack(process.env, await endpointsNow());
  folder = await mkdtemp(join(tmpdir(), 'penstock-payments-'));
  api = await startApi({ seed: SEED, flaky: 0.2 });
  await putSecret('PENSTOCK_DATASETS_HASH_KEY', HASH_KEY);
  await putSecret('SHOP_TOKEN', TOKEN);
  api.routes.set(
    SHOP_ORDERS_PATH,
    shopOrdersRoute(TOKEN, () => {
      if (shop === undefined) throw new Error('the shop is not open');
      return shop;
    }),
  );
  await applyManifests(Object.fromEntries(await Promise.all(EXAMPLES.map(manifestOf))));
});
afterAll(async () => {
  await api.close();
  await rm(folder, { recursive: true, force: true });
});

/** The example, without its schedule: the test says when it runs. */
async function manifestOf(name: string): Promise<[string, string]> {
  const file = fileURLToPath(new URL(`../../datasets/${name}.yaml`, import.meta.url));
  const text = await readFile(file, 'utf8');
  return [
    name,
    text
      .replace('https://shop.example', api.url)
      .replace(/^ {2}folder: .*$/m, `  folder: ${folder}`)
      .replace(/^schedule: .*$/m, ''),
  ];
}

/** Runs a dataset, and holds run and table against what they should be. */
async function runs<Fields>(
  rules: Rules<Fields>,
  { records, world, files = [] }: { records: readonly Written<Fields>[]; world: World; files?: readonly SourceFile[] },
): Promise<void> {
  const { dataset, columns } = rules;
  const [, text] = await manifestOf(dataset);
  const bucket = /^ {2}bucket: (\S+)/m.exec(text)?.[1];
  if (bucket === undefined) await putFiles(folder, files);
  else await putObjects(bucket, files);
  const before = tables.get(dataset) ?? EMPTY;
  const { run: expected, after } = expectRun(rules, before, records, world);
  const report = await runDataset(dataset);
  const { failure, ...run } = await outcomeOf(report);
  expect({ dataset, failure, ...run }).toEqual({
    ...{ dataset, failure: expected.failed === undefined ? '' : (expect.stringContaining(expected.failed) as string) },
    ...{ read: expected.read, loaded: expected.loaded, duplicates: expected.duplicates },
    quarantined: sortedRows(expected.quarantined),
  });
  tables.set(dataset, after);
  expect(await tableTexts(dataset, columns)).toEqual(
    rowTexts(
      columns,
      after.rows.map(({ row }) => row),
    ),
  );
}

const tableOf = (dataset: string): Table => tables.get(dataset) ?? EMPTY;
const world = (library?: Library): World => worldOf({ hash, ...library }, { customers: tableOf('customers') });

/** What later releases have to replay. */
async function recordRun(dataset: string): Promise<void> {
  const { connection, client } = await connectTemporal();
  const [last] = await landed(
    `SELECT workflow_id FROM dataset_runs WHERE dataset = '${dataset}' ORDER BY number LIMIT 1`,
  );
  await recordHistory('ingestDataset.published', client.workflow.getHandle(String(last?.['workflow_id'])));
  await recordHistory('datasetTurn.released', client.workflow.getHandle(datasetTurnId(dataset)));
  await recordHistory('hostPace', client.workflow.getHandle(hostPaceId(new URL(api.url).host)));
  await connection.close();
}

describe('an example lands to the row and the cent, and every row that does not is told why:', () => {
  it(
    'customers, shop orders and payments, which look customers up',
    async () => {
      const customers = generateCustomers(SEED);
      const orders = generateShopOrders(SEED);
      const payments = await generatePayments(SEED);
      for (const [at, version] of customers.entries()) {
        await runs(customerRules, { ...version, world: world() });
        shop = orders[at];
        if (shop !== undefined)
          await runs(shopOrderRules, { records: answered(shop, askedSinceMs(tableOf('shop_orders'))), world: world() });
        const paid = payments[at];
        if (paid !== undefined) await runs(paymentRules, { ...paid, world: world() });
      }
      expect([...api.answers.keys()].sort()).toEqual([0, 200, 429, 503]);
      await recordRun('shop_orders');
    },
    MINUTES_MS,
  );

  it(
    'messy prices, which take the place of the partitions that they touch',
    async () => {
      for (const version of generateWebPrices(SEED)) await runs(webPriceRules, { ...version, world: world() });
    },
    MINUTES_MS,
  );

  it(
    'nested events',
    async () => {
      for (const version of await generateAppEvents(SEED)) await runs(appEventRules, { ...version, world: world() });
    },
    MINUTES_MS,
  );

  it(
    'orders of prints, which look up what was detected',
    async () => {
      for (const version of generatePhotoOrders(SEED)) {
        await showLibrary(version.library);
        await runs(photoOrderRules, { ...version, world: world(version.library) });
      }
    },
    MINUTES_MS,
  );

  it(
    'and a run again changes nothing',
    async () => {
      for (const dataset of EXAMPLES) {
        const before = await landed(`SELECT * FROM ${dataset} ORDER BY ALL`);
        const report = await replayLast(dataset);
        expect(report.failure).toBeNull();
        const after = await landed(`SELECT * FROM ${dataset} ORDER BY ALL`);
        expect(after.map(withoutLoad)).toEqual(before.map(withoutLoad));
      }
    },
    MINUTES_MS,
  );
});

/** Which load brought a row may be another one. */
function withoutLoad({ _load, ...row }: LandedRow): LandedRow {
  expect(_load).toBeDefined();
  return row;
}

async function replayLast(dataset: string): Promise<RunReport> {
  const [last] = await landed(`SELECT run FROM dataset_runs WHERE dataset = '${dataset}' ORDER BY number DESC LIMIT 1`);
  const { report } = await penstock('dataset', 'replay', dataset, String(last?.['run']));
  return report as RunReport;
}

/** Rows of detection as the sink would have written them. */
async function showLibrary({ images, detections }: Library): Promise<void> {
  const rows = images.map(({ bucket, object, width, height }) => {
    const boxes = detections.filter((box) => box['object'] === object);
    const zeros = boxes.map(() => 0);
    return JSON.stringify({
      ...{ bucket, object, width, height, generation: 1, model: 'shapes@examples', uploaded_at: '2026-01-01 00:00:00' },
      ...{ status: width === 0 ? 'dead' : 'detected', received_at: '2026-01-01 00:00:00', attempts: 1 },
      ...{ detected_at: '2026-01-01 00:00:00', workflow_id: 'examples', run_id: 'examples' },
      ...{ 'boxes.class': boxes.map((box) => box['class']), 'boxes.score': boxes.map((box) => box['score']) },
      ...{ 'boxes.x_min': zeros, 'boxes.y_min': zeros, 'boxes.x_max': zeros, 'boxes.y_max': zeros },
    });
  });
  const { clickhouse } = await endpointsNow();
  const response = await fetch(
    `${clickhouse}/?database=penstock&query=${encodeURIComponent('INSERT INTO image_results FORMAT JSONEachRow')}`,
    { method: 'POST', body: rows.join('\n'), signal: AbortSignal.timeout(30_000) },
  );
  expect(await response.text()).toBe('');
}
