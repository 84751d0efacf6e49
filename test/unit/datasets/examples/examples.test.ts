import { createHash } from 'node:crypto';
import { describe, expect, it, test } from 'vitest';
import {
  answered,
  EMPTY,
  expectRuns,
  generateAppEvents,
  generateCustomers,
  generatePayments,
  generatePhotoOrders,
  generateShopOrders,
  generateWebPrices,
  paymentRules,
  webPriceRules,
  worldOf,
  type Reason,
  type RunOutcome,
} from '../../../system/datasets/index.js';
import { jsonText } from '../../../system/datasets/written/index.js';
import { EXAMPLES, scenarioOf } from './scenarios.js';

/** The six examples: what their data has in it, and that the oracle finds in it what the generators have put there. */

const SEED = 4711;

/** Why a row with a fault is set aside; a fault that is not here is none for its run. */
const REASONS: Readonly<Record<string, Record<string, Reason>>> = {
  customers: {
    'no number': 'MISSING_VALUE',
    'number of another kind': 'CHECK',
    'number twice': 'UNIQUE',
    'unknown segment': 'BAD_VALUE',
    'no such birthday': 'BAD_VALUE',
    'a tenth of a cent': 'BAD_VALUE',
    'key that nobody knows': 'NEW_COLUMNS',
  },
  shop_orders: {
    'id beyond 64 bits': 'BAD_VALUE',
    'no customer': 'MISSING_VALUE',
    'a tenth of a cent': 'BAD_VALUE',
    'tax above the total': 'CHECK',
    'unknown status': 'CHECK',
    'no time': 'MISSING_VALUE',
    'half an item': 'BAD_VALUE',
  },
  web_prices: {
    'too few columns': 'MISSING_COLUMNS',
    'too many columns': 'EXTRA_COLUMNS',
    'bytes of another encoding': 'NOT_UTF8',
    'control character': 'CONTROL_CHARACTERS',
    'text after a quote': 'MALFORMED',
    'never closed': 'MALFORMED',
    'no price': 'MISSING_VALUE',
    'a tenth of a cent': 'BAD_VALUE',
    'no number': 'BAD_VALUE',
    'time that there is not': 'BAD_VALUE',
    'time in the gap': 'BAD_VALUE',
    'free of charge': 'CHECK',
    'article of another kind': 'CHECK',
  },
  app_events: {
    'cut off': 'MALFORMED',
    'bytes of another encoding': 'NOT_UTF8',
    'no id': 'MISSING_VALUE',
    'id beyond 64 bits': 'BAD_VALUE',
    'no such day': 'BAD_VALUE',
    'no UUID': 'BAD_VALUE',
    'unknown type': 'CHECK',
    'longer than a day': 'CHECK',
    'counter beyond 64 bits': 'BAD_VALUE',
  },
  payments: {
    'no payment': 'MISSING_VALUE',
    'negative payment number': 'BAD_VALUE',
    'half a cent': 'BAD_VALUE',
    'reference without a number': 'EXPRESSION',
    'unknown customer': 'REFERENCE',
    'nothing was paid': 'CHECK',
    'currency of four letters': 'CHECK',
  },
  photo_orders: {
    'no order number': 'MISSING_VALUE',
    'picture that nobody has': 'LOOKUP_MISSING',
    'picture that could not be detected': 'CHECK',
    'picture that is too small': 'CHECK',
    'unknown product': 'LOOKUP_MISSING',
    'no picture': 'MISSING_VALUE',
    'too early': 'LOOKUP_MISSING',
  },
};
/** Faults whose rows are duplicates. */
const DUPLICATES = ['repeated'];

/** Of the first run, whose files have nothing of an earlier one in them. */
function reasonsOf({ quarantined }: RunOutcome): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { reason } of quarantined) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}

function dealt(name: string, faults: Readonly<Record<string, number>>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [fault, count] of Object.entries(faults)) {
    const reason = REASONS[name]?.[fault];
    if (reason !== undefined && count > 0) counts[reason] = (counts[reason] ?? 0) + count;
  }
  return counts;
}

describe.each(EXAMPLES)('%s', (name) => {
  it('has each of its faults, and the first run sets aside just these', async () => {
    const { faults, runs } = await scenarioOf(name, SEED);
    const [first = {}] = faults;
    const [run] = runs;
    expect(Object.keys(REASONS[name] ?? {}).filter((fault) => (first[fault] ?? 0) === 0)).toEqual([]);
    expect(run && reasonsOf(run)).toEqual(dealt(name, first));
    expect(run?.duplicates).toBe(DUPLICATES.reduce((sum, fault) => sum + (first[fault] ?? 0), 0));
  });

  it('loads something with each of its runs, and each row read is loaded, set aside, or a duplicate', async () => {
    const { runs, table } = await scenarioOf(name, SEED + 1);
    expect(runs).toHaveLength(3);
    for (const { read, loaded, quarantined, duplicates, failed } of runs) {
      expect(failed).toBeUndefined();
      expect(loaded).toBeGreaterThan(0);
      expect(read).toBe(loaded + quarantined.length + duplicates);
    }
    expect(table.rows.length).toBeGreaterThan(0);
  });
});

test('every reason for which a row can be set aside is in one of the examples', async () => {
  const scenarios = await Promise.all(EXAMPLES.map((name) => scenarioOf(name, SEED)));
  const found = new Set(
    scenarios.flatMap(({ runs }) => runs.flatMap((run) => run.quarantined.map(({ reason }) => reason))),
  );
  const [long] = generateWebPrices(SEED, { versions: 1, tooLongBytes: 5_000_000 });
  for (const { rejected } of long?.records ?? []) if (rejected !== undefined) found.add(rejected);
  const all: Record<Reason, true> = {
    ...{ MALFORMED: true, NOT_UTF8: true, TOO_LONG: true, MISSING_COLUMNS: true, EXTRA_COLUMNS: true },
    ...{ NEW_COLUMNS: true, CONTROL_CHARACTERS: true, MISSING_VALUE: true, BAD_VALUE: true, LOOKUP_MISSING: true },
    ...{ EXPRESSION: true, CHECK: true, UNIQUE: true, REFERENCE: true },
  };
  expect([...found].sort()).toEqual(Object.keys(all).sort());
});

test('what is written as JSON is JSON', () => {
  const parsed = generateCustomers(SEED).flatMap(({ files }) =>
    files.map(({ bytes }) => JSON.parse(bytes.toString()) as { data: { customers: unknown[] } }),
  );
  expect(parsed.map(({ data }) => data.customers.length)).toEqual(
    generateCustomers(SEED).map(({ records }) => records.length),
  );
  for (const { orders } of generateShopOrders(SEED)) for (const { body } of orders) JSON.parse(jsonText(body));
});

const GENERATORS: [string, (seed: number, versions: number) => unknown][] = [
  ['customers', (seed, versions) => generateCustomers(seed, { versions })],
  ['shop_orders', (seed, versions) => generateShopOrders(seed, { versions })],
  ['web_prices', (seed, versions) => generateWebPrices(seed, { versions })],
  ['app_events', (seed, versions) => generateAppEvents(seed, { versions })],
  ['payments', (seed, versions) => generatePayments(seed, { versions })],
  ['photo_orders', (seed, versions) => generatePhotoOrders(seed, { versions })],
];

it.each(GENERATORS)('%s: a seed gives the same bytes, and more versions change none before', async (_, generate) => {
  const made = await hashes(generate(SEED, 3));
  expect(await hashes(generate(SEED, 2))).toEqual(made.slice(0, 2));
  expect(await hashes(generate(SEED + 1, 1))).not.toEqual(made.slice(0, 1));
});

/** Of each version. */
async function hashes(versions: unknown): Promise<string[]> {
  return ((await versions) as unknown[]).map((version) => {
    const text = JSON.stringify(version, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
    return createHash('sha256').update(text).digest('hex');
  });
}

test('an order that comes late is found by reading an hour again, and one that has changed is a duplicate', async () => {
  const { faults, runs } = await scenarioOf('shop_orders', SEED);
  const [, second] = runs;
  const { late = 0, corrected = 0, repeated = 0 } = faults[1] ?? {};
  expect([late, corrected, repeated].every((count) => count > 0)).toBe(true);
  const news =
    401 + late - Object.entries(dealt('shop_orders', faults[1] ?? {})).reduce((sum, [, count]) => sum + count, 0);
  expect(second?.loaded).toBe(news);
  // What is read again of the hour before is a duplicate, too.
  expect(second?.duplicates).toBeGreaterThanOrEqual(corrected + repeated);
});

test('segments are those of the customers at the time of the run', async () => {
  const { table } = await scenarioOf('shop_orders', SEED);
  const segments = new Set(table.rows.map(({ row }) => row['segment']));
  expect([...segments].sort()).toEqual(['bronze', 'gold', 'none', 'silver', null].sort());
});

test('a corrected month takes the place of its month, and of no other', () => {
  const versions = generateWebPrices(SEED);
  const world = worldOf({ hash: (text) => text });
  const { table } = expectRuns(
    webPriceRules,
    versions.map(({ records }) => ({ records, world })),
  );
  const sources = table.rows.map(({ source, row }) => `${webPriceRules.partition?.(row)} ${source}`);
  expect([...new Set(sources)].sort()).toEqual([
    '202603 prices/2026-03/export-3.csv.gz',
    '202604 prices/2026-04/export-1.csv',
    '202610 prices/2026-10/export-2.csv',
    '202611 prices/2026-11/export-2.csv',
  ]);
  // The first minutes of April in Berlin are in March by UTC.
  expect(table.rows.some(({ row }) => row['valid_from'] === '2026-03-31T22:05:00Z')).toBe(true);
});

test('a time that comes twice is the earlier one', () => {
  const [first] = generateWebPrices(SEED, { versions: 1 });
  const world = worldOf({ hash: (text) => text });
  const { table } = expectRuns(webPriceRules, [{ records: first?.records ?? [], world }]);
  const twice = table.rows.filter(({ row }) => row['valid_from'] === '2026-10-25T00:30:00Z');
  expect(twice).toHaveLength(first?.faults['time that comes twice'] ?? 0);
});

test('prices are in all encodings, or all in Latin-1', () => {
  const heads = generateWebPrices(SEED, { versions: 1 }).flatMap(({ files }) =>
    files.map(({ bytes }) => bytes.toString('hex', 0, 2)),
  );
  expect(heads).toEqual(['efbb', 'fffe', '1f8b']);
  const [latin] = generateWebPrices(SEED, { versions: 1, encodings: ['latin-1'] });
  expect(latin?.files[0]?.bytes.toString('latin1')).toMatch(/^Artikel;Händler;Gültig ab;/);
});

test('payments that are cut short fail by their history', async () => {
  const versions = await generatePayments(SEED, { versions: 4, cutVersion: 2 });
  const tables = { customers: { ...EMPTY, rows: [] } };
  const rules = { ...paymentRules, references: [] };
  const { runs } = expectRuns(
    rules,
    versions.map(({ records }) => ({ records, world: worldOf({ hash: (text) => text }, tables) })),
  );
  expect(runs.map(({ failed }) => failed)).toEqual([undefined, undefined, 'againstHistory', undefined]);
});

test('a picture that was not detected yet is ordered again, and lands', async () => {
  const { faults, runs, table } = await scenarioOf('photo_orders', SEED);
  expect(faults[1]?.['sent again']).toBe(faults[0]?.['too early']);
  expect(runs[1]?.duplicates).toBe(faults[1]?.['repeated']);
  expect(table.rows.some(({ row }) => String(row['object']).startsWith('photos/late-0-'))).toBe(true);
});

test('pages have a hundred orders, numbered from 1 in each', () => {
  const [first = { orders: [], faults: {} }] = generateShopOrders(SEED, { versions: 1 });
  const places = answered(first, 0).map(({ source, line }) => `${source} ${line}`);
  expect([places[0], places[99], places[100]]).toEqual(['#page=1 1', '#page=1 100', '#page=2 1']);
});
