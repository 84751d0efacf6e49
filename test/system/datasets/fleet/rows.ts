import { dealFaults, Random } from '../random.js';
import { DAY_MS, isoMs, START_MS } from '../scale.js';
import type { TextFields } from '../written/index.js';
import type { Variant } from './variant.js';

/** Columns of the source, in the order of separated values. */
export const FLEET_COLUMNS = ['at', 'id', 'kind', 'amount', 'quantity', 'note'] as const;

export interface FleetRow {
  fields: TextFields;
  rejected?: 'MISSING_COLUMNS' | 'MALFORMED';
}

/** Shares of the rows of a version. */
const FAULTS = {
  shape: 0.01,
  'no id': 0.01,
  'a tenth of a cent': 0.01,
  'no piece': 0.01,
  repeated: 0.02,
  'id again': 0.02,
};
type Fault = keyof typeof FAULTS;

const FIRST_ID = 2n ** 53n + 1n;
/** Rows of the version before that a version has again. */
const SENT_AGAIN = 5;
/** Versions that replace a partition have another month each, until the first comes again. */
const MONTHS = 3;

/** Rows of version `version`, the same whenever it is made. */
export function rowsOf(variant: Variant, seed: number, version: number, rows: number): FleetRow[] {
  const before = version > 0 && variant.mode === 'append' ? newRows(variant, seed, version - 1, rows) : [];
  const again = before.filter(({ rejected }) => rejected === undefined).slice(0, SENT_AGAIN);
  return [...again, ...newRows(variant, seed, version, rows)];
}

function newRows(variant: Variant, seed: number, version: number, rows: number): FleetRow[] {
  const random = new Random(seed + version * 7_919 + Number(variant.name.slice(3)) * 104_729);
  const fromMs =
    START_MS + (variant.mode === 'replace partitions' ? (version % MONTHS) * 31 * DAY_MS : version * 60_000);
  const dealt = dealFaults(random, rows, { ...FAULTS, ...(hasShape(variant) ? {} : { shape: 0 }) });
  const made: FleetRow[] = [];
  for (const [at, fault] of dealt.entries()) {
    const good = rowOf(random, variant, { atMs: fromMs + at * 1_000, id: FIRST_ID + BigInt(version * rows + at) });
    made.push(...(fault === undefined ? [good] : faulty(variant, good, fault)));
  }
  return made;
}

/** A record of another shape can be told from its neighbours in lines alone. */
function hasShape({ format }: Variant): boolean {
  return format === 'csv' || format === 'tsv' || format === 'ndjson';
}

function rowOf(random: Random, { isGerman }: Variant, { atMs, id }: { atMs: number; id: bigint }): FleetRow {
  const cents = String(random.whole(0, 99)).padStart(2, '0');
  const thousands = random.whole(1, 99);
  return {
    fields: {
      at: isoMs(atMs),
      id: id.toString(),
      kind: random.pick(['new', ' Used ', 'BROKEN']),
      amount: isGerman ? `${thousands}.500,${cents}` : `${thousands}500.${cents}`,
      quantity: random.pick(['1', '3', '4294967295', null]),
      note: random.pick([null, 'Zoë', 'a "quoted" one; with, all']),
    },
  };
}

function faulty({ isGerman, format }: Variant, good: FleetRow, fault: Fault): FleetRow[] {
  const but = (fields: TextFields): FleetRow => ({ fields: { ...good.fields, ...fields } });
  switch (fault) {
    case 'shape':
      return [{ ...good, rejected: format === 'ndjson' ? 'MALFORMED' : 'MISSING_COLUMNS' }];
    case 'no id':
      return [but({ id: null })];
    case 'a tenth of a cent':
      return [but({ amount: isGerman ? '1,005' : '1.005' })];
    case 'no piece':
      return [but({ quantity: '0' })];
    case 'repeated':
      return [good, good];
    case 'id again':
      return [good, but({ note: 'the later one' })];
  }
}
