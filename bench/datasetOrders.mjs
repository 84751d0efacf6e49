import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Storage } from '@google-cloud/storage';

/** Orders as a shop exports them: one in 10,000 has a quantity that no order has, one in 1,000 is there twice. */
const HEADER = 'order_no,customer,email,country,currency,amount,quantity,paid,ordered_at,updated_at,note\n';
const COUNTRIES = ['de', 'FR', ' it', 'ES', 'nl', 'AT', 'CH', 'pl'];
const CURRENCIES = ['EUR', 'CHF', 'PLN'];
const NOTES = ['', 'n/a', 'leave it with the neighbours', '"ring twice, then wait"', 'gift', '', '', 'call before'];
/** 1 January 2025 in UTC. */
const FIRST_SECOND = 1_735_689_600;
const LINES_AT_ONCE = 5_000;
/** Where the file is in the bucket. */
export const OBJECT = 'orders/2026-11.csv';

/** The file in parts of some hundred kilobytes, the same every time. */
export function* ordersCsv(rows) {
  yield HEADER;
  for (let from = 0; from < rows; from += LINES_AT_ONCE) {
    let part = '';
    for (let row = from; row < Math.min(rows, from + LINES_AT_ONCE); row += 1) part += line(row);
    yield part;
  }
}

/** Rows that land of so many, and those that are set aside: what the run has to come to. */
export function ordersOutcome(rows) {
  const quarantined = Math.floor(rows / 10_000);
  const duplicates = Math.floor(rows / 1_000);
  return { read: rows, quarantined, duplicates, loaded: rows - quarantined - duplicates };
}

function line(row) {
  // The last of a thousand has the number of the one before; the one in the middle of ten thousand has no quantity.
  const number = row % 1_000 === 999 ? row - 1 : row;
  const quantity = row % 10_000 === 5_000 ? 0 : 1 + (row % 12);
  const customer = (row * 7_919) % 400_000;
  const second = FIRST_SECOND + ((row * 13) % 31_536_000);
  const ordered = new Date(second * 1_000).toISOString();
  const cents = String((row * 131) % 100).padStart(2, '0');
  return `${700_000_000_000 + number},C${String(customer).padStart(7, '0')} ,Customer.${customer}@Example.org,${COUNTRIES[row % 8]},${CURRENCIES[row % 3]},${1 + ((row * 17) % 9_999)}.${cents},${quantity},${row % 5 === 0 ? 'no' : 'yes'},${ordered.slice(0, 19)}Z,${ordered.slice(0, 10)} ${ordered.slice(11, 19)}.${String(row % 1_000).padStart(3, '0')},${NOTES[row % 8]}\n`;
}

/** Its manifest, of a name. `source` is YAML in braces. */
export function ordersManifest(name, source) {
  return `version: penstock/v1
name: ${name}
source: ${source}
format: { type: csv, nulls: ['', 'n/a'] }
columns:
  - { name: order_no, type: UInt64, required: true }
  - { name: customer, type: String, clean: [trim, upper], required: true }
  - { name: email, type: Nullable(String), clean: [trim, lower] }
  - { name: country, type: LowCardinality(String), clean: [trim, upper] }
  - { name: currency, type: LowCardinality(String), clean: [upper] }
  - { name: amount, type: 'Decimal(18, 2)' }
  - { name: quantity, type: UInt32 }
  - { name: paid, type: Bool }
  - { name: ordered_at, type: DateTime('UTC') }
  - { name: updated_at, type: "DateTime64(3, 'UTC')" }
  - { name: note, type: Nullable(String), clean: [trim, collapse] }
checks:
  rows: [{ name: updated_after, expression: updated_at >= ordered_at, action: warn }]
  columns:
    - { column: customer, pattern: '^C[0-9]{7}$' }
    - { column: currency, values: [EUR, CHF, PLN] }
    - { column: amount, min: 0.01, max: 100000 }
    - { column: quantity, min: 1, max: 1000 }
    - { column: ordered_at, min: '2015-01-01 00:00:00' }
    - { column: note, maxNulls: 90 %, action: warn }
  run: { minRows: 1 }
target: { mode: append, key: [order_no], partitionBy: toYYYYMM(ordered_at), orderBy: [country, ordered_at, order_no] }
`;
}

/** Streams the file into the bucket. */
export async function uploadOrders({ gcs, bucket }, rows) {
  const storage = new Storage({ apiEndpoint: gcs, projectId: 'penstock', useAuthWithCustomEndpoint: false });
  const file = storage.bucket(bucket).file(OBJECT);
  await pipeline(Readable.from(ordersCsv(rows)), file.createWriteStream({ resumable: false, contentType: 'text/csv' }));
  const [{ size }] = await file.getMetadata();
  return { url: `${gcs}/storage/v1/b/${bucket}/o/${encodeURIComponent(OBJECT)}?alt=media`, bytes: Number(size) };
}
