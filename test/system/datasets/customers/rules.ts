import {
  asText,
  check,
  dayText,
  decimalText,
  fateOf,
  optional,
  required,
  type LandedRow,
  type Rules,
  type World,
} from '../oracle/index.js';
import { at, textOf, type JsonObject } from '../written/index.js';

const SEGMENT_OF: Readonly<Record<string, string>> = {
  ...{ gold: 'gold', vip: 'gold', silver: 'silver', bronze: 'bronze', none: 'none' },
};

/** datasets/customers.yaml. */
export const customerRules: Rules<JsonObject> = {
  dataset: 'customers',
  columns: ['customer_no', 'email', 'segment', 'country', 'city', 'born', 'credit_limit', 'is_active'],
  mode: 'replace all',
  unique: ['customer_no'],
  maxQuarantined: 0.2,
  land: (fields, world) => fateOf(() => customer(fields, world)),
};

function customer(fields: JsonObject, { hash }: World): LandedRow {
  const text = (...path: string[]): string | null => textOf(at(fields, ...path));
  const number = required('customer_no', text('number'), (value) => value.trim().toUpperCase());
  const email = text('email');
  const row = {
    customer_no: number,
    email: email === null ? null : hash(email.trim().toLowerCase()),
    segment: required('segment', text('segment') ?? 'none', (value) => SEGMENT_OF[value.trim().toLowerCase()]),
    country: required('country', text('country'), (value) => value.toUpperCase()),
    city: required('city', text('address', 'city') ?? '', asText),
    born: optional('born', text('born'), dayText),
    credit_limit: required('credit_limit', text('credit_limit') ?? '0', (value) => decimalText(value, 18, 2)),
    is_active: (text('active') ?? 'true') === 'true',
  };
  check('customer_no', /^C[0-9]{6}$/.test(number));
  check('credit_limit', !row.credit_limit.startsWith('-'));
  return row;
}
