import {
  asText,
  check,
  decimalText,
  fateOf,
  germanNumber,
  germanTimes,
  isoText,
  monthIn,
  optional,
  required,
  uint32,
  unitsOf,
  type LandedRow,
  type Rules,
  type World,
} from '../oracle/index.js';
import type { TextFields } from '../written/index.js';

const ZONE = 'Europe/Berlin';
const NOTHING = ['', 'NULL', 'n/a'];

/** datasets/web_prices.yaml, with the column that exports have gained. */
export const webPriceRules: Rules<TextFields> = {
  dataset: 'web_prices',
  columns: ['sku', 'shop', 'valid_from', 'price', 'list_price', 'stock', 'title', 'contact', 'color'],
  mode: 'replace partitions',
  partition: (row) => monthIn(Date.parse(String(row['valid_from'])), ZONE),
  maxQuarantined: 0.2,
  land: (fields, world) => fateOf(() => price(fields, world)),
};

function price(fields: TextFields, { hash }: World): LandedRow {
  const text = (name: string): string | null => {
    const value = fields[name] ?? null;
    return value === null || NOTHING.includes(value) ? null : value;
  };
  const list = text('Streichpreis')?.trim() ?? null;
  const contact = text('E-Mail');
  const row = {
    sku: required('sku', text('Artikel'), (value) => value.trim().toUpperCase()),
    shop: required('shop', text('Händler'), (value) => value.trim().replaceAll(/ +/g, ' ')),
    valid_from: required('valid_from', text('Gültig ab'), earliest),
    price: required('price', text('Preis'), money),
    list_price: optional('list_price', list === '-' || list === 'k. A.' ? null : list, money),
    stock: required('stock', text('Bestand') ?? '0', uint32),
    title: required('title', text('Bezeichnung'), asText),
    contact: contact === null ? null : hash(contact.trim().toLowerCase()),
    color: text('color'),
  };
  check('sku', /^[A-Z]{2}-[0-9]{6}$/.test(row.sku));
  check('price', unitsOf(row.price) >= 1n && unitsOf(row.price) <= 10_000_000n);
  return row;
}

/** Of a time that comes twice the earlier; a time that never comes is none. */
function earliest(text: string): string | undefined {
  const [first] = germanTimes(text.trim(), ZONE) ?? [];
  return first === undefined ? undefined : isoText(BigInt(first) * 1_000_000n, null);
}

function money(text: string): string | undefined {
  const number = germanNumber(text.trim());
  return number === undefined ? undefined : decimalText(number, 18, 2);
}
