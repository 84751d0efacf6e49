import {
  answered,
  appEventRules,
  askedSinceMs,
  customerRules,
  EMPTY,
  expectRun,
  expectRuns,
  generateAppEvents,
  generateCustomers,
  generatePayments,
  generatePhotoOrders,
  generateShopOrders,
  generateWebPrices,
  keyedHash,
  paymentRules,
  photoOrderRules,
  shopOrderRules,
  webPriceRules,
  worldOf,
  type RunOutcome,
  type Table,
} from '../../../system/datasets/index.js';

/** Three runs of an example: what was made for them, and what they should do. */
export interface Scenario {
  /** Number of faults in each version. */
  faults: Record<string, number>[];
  runs: RunOutcome[];
  table: Table;
}

const HASH = keyedHash('key of the test');

/** Customers after each version; the others look them up. */
function customers(seed: number): Scenario & { tables: Table[] } {
  const versions = generateCustomers(seed);
  const tables: Table[] = [];
  const runs: RunOutcome[] = [];
  for (const { records } of versions) {
    const { run, after } = expectRun(customerRules, tables.at(-1) ?? EMPTY, records, worldOf({ hash: HASH }));
    runs.push(run);
    tables.push(after);
  }
  return { faults: versions.map(({ faults }) => faults), runs, table: tables.at(-1) ?? EMPTY, tables };
}

function shopOrders(seed: number): Scenario {
  const versions = generateShopOrders(seed);
  const { tables } = customers(seed);
  let table = EMPTY;
  const runs: RunOutcome[] = [];
  for (const [at, version] of versions.entries()) {
    const world = worldOf({ hash: HASH }, { customers: tables[at] ?? EMPTY });
    const { run, after } = expectRun(shopOrderRules, table, answered(version, askedSinceMs(table)), world);
    runs.push(run);
    table = after;
  }
  return { faults: versions.map(({ faults }) => faults), runs, table };
}

function webPrices(seed: number): Scenario {
  const versions = generateWebPrices(seed);
  const world = worldOf({ hash: HASH });
  const expected = expectRuns(
    webPriceRules,
    versions.map(({ records }) => ({ records, world })),
  );
  return { faults: versions.map(({ faults }) => faults), ...expected };
}

async function appEvents(seed: number): Promise<Scenario> {
  const versions = await generateAppEvents(seed);
  const world = worldOf({ hash: HASH });
  const expected = expectRuns(
    appEventRules,
    versions.map(({ records }) => ({ records, world })),
  );
  return { faults: versions.map(({ faults }) => faults), ...expected };
}

async function payments(seed: number): Promise<Scenario> {
  const versions = await generatePayments(seed);
  const { tables } = customers(seed);
  const expected = expectRuns(
    paymentRules,
    versions.map(({ records }, at) => ({
      records,
      world: worldOf({ hash: HASH }, { customers: tables[at] ?? EMPTY }),
    })),
  );
  return { faults: versions.map(({ faults }) => faults), ...expected };
}

function photoOrders(seed: number): Scenario {
  const versions = generatePhotoOrders(seed);
  const expected = expectRuns(
    photoOrderRules,
    versions.map(({ records, library }) => ({ records, world: worldOf({ hash: HASH, ...library }) })),
  );
  return { faults: versions.map(({ faults }) => faults), ...expected };
}

const MAKERS: Readonly<Record<string, (seed: number) => Scenario | Promise<Scenario>>> = {
  ...{ customers, photo_orders: photoOrders, web_prices: webPrices },
  ...{ app_events: appEvents, payments, shop_orders: shopOrders },
};
const MADE = new Map<string, Scenario>();

export const EXAMPLES = Object.keys(MAKERS);

/** The scenario of an example. Throws RangeError for a name that is none. */
export async function scenarioOf(name: string, seed: number): Promise<Scenario> {
  const made = MADE.get(`${name} ${seed}`) ?? (await MAKERS[name]?.(seed));
  if (made === undefined) throw new RangeError(`no example ${name}`);
  MADE.set(`${name} ${seed}`, made);
  return made;
}
