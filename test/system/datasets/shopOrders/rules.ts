import {
  asText,
  check,
  decimalText,
  fateOf,
  fixed,
  isoText,
  isoTime,
  optional,
  required,
  uint32,
  uint64,
  unitsOf,
  type LandedRow,
  type Rules,
  type Table,
  type World,
} from '../oracle/index.js';
import { HOUR_MS } from '../scale.js';
import { at, isList, textOf, type JsonObject, type Written } from '../written/index.js';
import type { ShopVersion } from './generate.js';

/** Orders of a page. */
export const PAGE_SIZE = 100;
const FIRST_RUN_MS = Date.parse('2026-01-01T00:00:00Z');
const LAG_MS = HOUR_MS;
const STATUSES = ['new', 'paid', 'shipped', 'returned', 'cancelled'];

/** datasets/shop_orders.yaml. */
export const shopOrderRules: Rules<JsonObject> = {
  dataset: 'shop_orders',
  columns: [
    ...['order_id', 'placed_at', 'updated_at', 'status', 'customer_no', 'segment', 'country', 'total', 'tax', 'net'],
    ...['item_count', 'coupons'],
  ],
  mode: 'append',
  key: ['order_id'],
  maxQuarantined: 0.2,
  land: (fields, world) => fateOf(() => order(fields, world)),
};

/** Since when the next run asks, by what has landed. */
export function askedSinceMs({ rows }: Table): number {
  if (rows.length === 0) return FIRST_RUN_MS;
  return Math.max(...rows.map(({ row }) => Date.parse(String(row['updated_at'])))) - LAG_MS;
}

/** What the API answers, in its order. Sources of records are only the end of what a page is called: its number, from 1. */
export function answered({ orders }: ShopVersion, sinceMs: number): Written<JsonObject>[] {
  return orders
    .filter(({ updatedMs }) => updatedMs >= sinceMs)
    .map(({ body }, index) => ({
      source: `#page=${Math.floor(index / PAGE_SIZE) + 1}`,
      line: (index % PAGE_SIZE) + 1,
      fields: body,
    }));
}

function order(fields: JsonObject, { tables }: World): LandedRow {
  const text = (...path: string[]): string | null => textOf(at(fields, ...path));
  const money = (value: string): string | undefined => decimalText(value, 18, 2);
  const id = required('order_id', text('id'), uint64);
  const placed = required('placed_at', text('placed_at'), isoTime);
  const updated = required('updated_at', text('updated_at'), isoTime);
  const status = required('status', text('status'), (value) => {
    const word = value.trim().toLowerCase();
    return word === 'canceled' ? 'cancelled' : word;
  });
  const customer = required('customer_no', text('customer', 'number'), asText);
  const country = required('country', text('shipping', 'country'), (value) => value.trim().toUpperCase());
  const total = required('total', text('total'), money);
  const tax = required('tax', text('tax') ?? '0', money);
  const items = required('item_count', text('items'), (value) => uint32(value, 16));
  const coupons = at(fields, 'coupons');
  const known = (tables['customers'] ?? []).find((row) => row['customer_no'] === customer);
  const net = unitsOf(total) - unitsOf(tax);
  check('tax_is_a_part', unitsOf(tax) >= 0n && net >= 0n);
  check('placed_before_updated', placed <= updated);
  check('status', STATUSES.includes(status));
  check('country', /^[A-Z]{2}$/.test(country));
  check('item_count', items >= 1 && items <= 1_000);
  return {
    ...{ order_id: id, placed_at: isoText(placed, 3), updated_at: isoText(updated, 3), status },
    ...{ customer_no: customer, segment: known?.['segment'] ?? null, country, total, tax, net: fixed(net, 2) },
    ...{
      item_count: items,
      coupons: isList(coupons) ? coupons.map((coupon) => optional('coupons', textOf(coupon), asText)) : [],
    },
  };
}
