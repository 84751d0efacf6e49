import { countFaults, dealFaults, Random } from '../random.js';
import { customerNo, DAY_MS, isoMs, LASTING_CUSTOMERS, START_MS, type Scale } from '../scale.js';
import { parquetBytes, type TextFields, type Version, type Written } from '../written/index.js';

/** Shares of the rows of a file. */
export const PAYMENT_FAULTS = {
  'no payment': 0.01,
  'negative payment number': 0.01,
  'half a cent': 0.01,
  'reference without a number': 0.01,
  'unknown customer': 0.01,
  'nothing was paid': 0.01,
  'currency of four letters': 0.01,
} as const;
type Fault = keyof typeof PAYMENT_FAULTS;

/** Columns of the files, with their types in DuckDB. The amount has more digits than the manifest lets land. */
const COLUMNS = {
  account_no: 'INTEGER',
  booked_at: 'TIMESTAMP',
  payment_id: 'BIGINT',
  value_date: 'DATE',
  customer_no: 'VARCHAR',
  currency: 'VARCHAR',
  amount: 'DECIMAL(38, 10)',
  rate: 'DECIMAL(38, 10)',
  reference: 'VARCHAR',
  memo: 'VARCHAR',
} as const;
type Payment = Record<keyof typeof COLUMNS, string | null>;

export interface PaymentOptions extends Scale {
  /** Index of a version of which only a twentieth came. */
  cutVersion?: number;
}

/**
 * Bookings, a Parquet file a version. Some rows come twice in a file (`repeated`); from the second version on some rows of
 * the file before are in it too (`sent again`).
 */
export async function generatePayments(seed: number, options: PaymentOptions = {}): Promise<Version<TextFields>[]> {
  const { versions = 3, rows = 400, startMs = START_MS, cutVersion } = options;
  const random = new Random(seed);
  const made: Version<TextFields>[] = [];
  let before: Payment[] = [];
  for (let version = 0; version < versions; version += 1) {
    const dealt = dealFaults(random, rows, PAYMENT_FAULTS);
    const faults = countFaults(dealt);
    const payments: Payment[] = before.slice(0, 5);
    if (payments.length > 0) faults['sent again'] = payments.length;
    const good: Payment[] = [];
    for (const [at, fault] of dealt.entries()) {
      const payment = paymentOf(random, startMs + version * DAY_MS + Math.floor((at * DAY_MS) / rows));
      payments.push(fault === undefined ? payment : { ...payment, ...faulty(fault) });
      if (fault !== undefined) continue;
      good.push(payment);
      if (!random.chance(0.02)) continue;
      payments.push(payment);
      faults['repeated'] = (faults['repeated'] ?? 0) + 1;
    }
    const day = isoMs(startMs + version * DAY_MS).slice(0, 10);
    const isCut = version === cutVersion;
    made.push(
      await versionOf(`payments-${day}.parquet`, isCut ? good.slice(0, rows / 20) : payments, isCut ? {} : faults),
    );
    before = good;
  }
  return made;
}

async function versionOf(
  name: string,
  payments: readonly Payment[],
  faults: Record<string, number>,
): Promise<Version<TextFields>> {
  const names = Object.keys(COLUMNS) as (keyof Payment)[];
  const rows = payments.map((payment) => names.map((column) => payment[column]));
  const records = payments.map((fields, at): Written<TextFields> => ({ source: name, line: at + 1, fields }));
  return { files: [{ name, bytes: await parquetBytes(COLUMNS, rows) }], records, faults };
}

function paymentOf(random: Random, atMs: number): Payment {
  const microseconds = String(random.whole(0, 999)).padStart(3, '0');
  const cents = String(random.whole(0, 99)).padStart(2, '0');
  return {
    account_no: String(random.pick([1_000, 1_200, 8_400])),
    booked_at: isoMs(atMs).replace('T', ' ').replace('Z', microseconds),
    payment_id: (2n ** 62n + BigInt(atMs) * 1_000n + BigInt(microseconds)).toString(),
    value_date: random.pick([isoMs(atMs), isoMs(atMs - 40 * DAY_MS), '1969-12-31']).slice(0, 10),
    customer_no: customerNo(random.whole(0, LASTING_CUSTOMERS - 1)),
    currency: random.pick(['EUR', 'chf', 'PLN']),
    amount: random.pick([
      `${random.whole(1, 9_999)}.${cents}`,
      `-${random.whole(1, 99)}.${cents}`,
      '9007199254740993.07',
    ]),
    rate: random.pick(['1', '0.2304147465', '1234567890123456789012345678.0123456789']),
    reference: random.pick([`INV-${random.whole(1, 99_999)}`, 'INV-18446744073709551615']),
    memo: random.pick([null, 'Danke!', 'Rechnung "Ä"', '']),
  };
}

function faulty(fault: Fault): Partial<Payment> {
  switch (fault) {
    case 'no payment':
      return { payment_id: null };
    case 'negative payment number':
      return { payment_id: '-1' };
    case 'half a cent':
      return { amount: '10.0050000000' };
    case 'reference without a number':
      return { reference: 'INV-none' };
    case 'unknown customer':
      return { customer_no: customerNo(999_999) };
    case 'nothing was paid':
      return { amount: '0' };
    case 'currency of four letters':
      return { currency: 'EURO' };
  }
}
