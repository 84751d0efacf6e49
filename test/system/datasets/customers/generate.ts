import { countFaults, dealFaults, Random } from '../random.js';
import { customerNo, LASTING_CUSTOMERS, START_MS, DAY_MS, isoMs, type Scale } from '../scale.js';
import { JsonNumber, jsonText, type JsonObject, type Version, type Written } from '../written/index.js';

export const CUSTOMERS_FILE = 'customers/latest.json';

/** Shares of the rows of a snapshot. */
export const CUSTOMER_FAULTS = {
  'no number': 0.01,
  'number of another kind': 0.01,
  'number twice': 0.02,
  'unknown segment': 0.01,
  'no such birthday': 0.01,
  'a tenth of a cent': 0.01,
  'key that nobody knows': 0.01,
} as const;
type Fault = keyof typeof CUSTOMER_FAULTS;

interface Customer {
  index: number;
  segment: string;
  city: string;
}

const SEGMENTS = ['gold', 'VIP', ' Silver ', 'bronze', 'none'] as const;
const CITIES = ['Köln', 'Łódź', 'München', 'Wien', 'Zürich'] as const;
const NAMES = ['Ada Lovelace', "Flann O'Brien", 'Jürgen "Jo" Groß', 'Zoë\nQuinn', '王小明'] as const;

/**
 * Snapshots of all customers, each the whole file: from one to the next some change segment or city, some are new, some of
 * those beyond LASTING_CUSTOMERS are gone. `rows` are customers beyond these.
 */
export function generateCustomers(seed: number, scale: Scale = {}): Version<JsonObject>[] {
  const { versions = 3, rows = 100, startMs = START_MS } = scale;
  const random = new Random(seed);
  let customers = Array.from({ length: LASTING_CUSTOMERS + rows }, (_, index) => newcomer(random, index));
  let next = customers.length;
  return Array.from({ length: versions }, (_, version) => {
    if (version > 0) {
      customers = customers
        .filter(({ index }) => index < LASTING_CUSTOMERS || !random.chance(0.1))
        .map((customer) => (random.chance(0.1) ? newcomer(random, customer.index) : customer));
      for (let born = Math.ceil(rows * 0.1); born > 0; born -= 1) customers.push(newcomer(random, next++));
    }
    return snapshot(random, customers, startMs + version * DAY_MS);
  });
}

function newcomer(random: Random, index: number): Customer {
  return { index, segment: random.pick(SEGMENTS), city: random.pick(CITIES) };
}

function snapshot(random: Random, customers: readonly Customer[], exportedMs: number): Version<JsonObject> {
  const faults = dealFaults(random, customers.length, CUSTOMER_FAULTS);
  const records: Written<JsonObject>[] = [];
  const write = (fields: JsonObject, isNew = false): void => {
    const place = { source: CUSTOMERS_FILE, line: records.length + 1 };
    records.push({ ...place, fields, ...(isNew ? { rejected: 'NEW_COLUMNS' } : {}) });
  };
  for (const [at, customer] of customers.entries()) {
    write(recordOf(random, customer));
    // A faulty row is one more, so that every customer is there.
    const fault = faults[at];
    if (fault !== undefined) write(faulty(random, customer, fault), fault === 'key that nobody knows');
  }
  const list = records.map(({ fields }) => jsonText(fields)).join(',\n    ');
  const text = `{"exported_at":"${isoMs(exportedMs)}","data":{"customers":[\n    ${list}\n]}}\n`;
  return {
    files: [{ name: CUSTOMERS_FILE, bytes: Buffer.from(text) }],
    records,
    faults: countFaults(faults),
  };
}

function recordOf(random: Random, { index, segment, city }: Customer): JsonObject {
  const limit = `${random.whole(1, 50)}00.${random.pick(['00', '50', '99'])}`;
  return {
    number: random.chance(0.05) ? ` ${customerNo(index).toLowerCase()} ` : customerNo(index),
    name: random.pick(NAMES),
    email: index % 7 === 0 ? null : ` User${index}@Example.com `,
    ...(index % 11 === 0 ? {} : { segment }),
    country: random.pick(['de', 'AT', 'ch', 'PL']),
    address: index % 13 === 0 ? {} : { city, street: 'Am Markt 1' },
    ...(index % 5 === 0 ? {} : { born: random.pick(['1934-02-28', '1979-05-04', '2000-02-29', '2008-12-31']) }),
    credit_limit: random.chance(0.5) ? limit : new JsonNumber(limit),
    active: !random.chance(0.1),
  };
}

function faulty(random: Random, customer: Customer, fault: Fault): JsonObject {
  // Nobody looks these numbers up.
  const stranger = recordOf(random, { ...customer, index: customer.index + 900_000 });
  switch (fault) {
    case 'no number':
      return { ...stranger, number: null };
    case 'number of another kind':
      return { ...stranger, number: `K-${customer.index}` };
    case 'number twice':
      return { ...stranger, number: customerNo(customer.index) };
    case 'unknown segment':
      return { ...stranger, segment: 'platinum' };
    case 'no such birthday':
      return { ...stranger, born: '1979-02-29' };
    case 'a tenth of a cent':
      return { ...stranger, credit_limit: new JsonNumber('100.005') };
    case 'key that nobody knows':
      return { ...stranger, loyalty: 'gold' };
  }
}
