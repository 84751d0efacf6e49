import {
  asText,
  check,
  dayText,
  decimalText,
  fateOf,
  isoText,
  isoTime,
  required,
  setAside,
  uint32,
  uint64,
  unitsOf,
  type LandedRow,
  type Rules,
} from '../oracle/index.js';
import type { TextFields } from '../written/index.js';

/** datasets/payments.yaml. */
export const paymentRules: Rules<TextFields> = {
  dataset: 'payments',
  columns: [
    ...['account_no', 'booked_at', 'payment_id', 'value_day', 'customer_no', 'currency', 'amount', 'rate'],
    ...['reference', 'invoice_no', 'memo'],
  ],
  mode: 'append',
  references: [{ column: 'customer_no', dataset: 'customers', of: 'customer_no' }],
  maxQuarantined: 0.2,
  againstHistory: 0.6,
  land: (fields) => fateOf(() => booking(fields)),
};

function booking(fields: TextFields): LandedRow {
  const text = (name: string): string | null => fields[name] ?? null;
  const row = {
    account_no: required('account_no', text('account_no'), uint32),
    booked_at: required('booked_at', text('booked_at'), (value) => {
      const ns = isoTime(value);
      return ns === undefined ? undefined : isoText(ns, 6);
    }),
    payment_id: required('payment_id', text('payment_id'), uint64),
    value_day: required('value_day', text('value_date'), dayText),
    customer_no: required('customer_no', text('customer_no'), asText),
    currency: required('currency', text('currency'), (value) => value.toUpperCase()),
    amount: required('amount', text('amount'), (value) => decimalText(value, 18, 2)),
    rate: required('rate', text('rate'), (value) => decimalText(value, 38, 10)),
    reference: required('reference', text('reference'), asText),
    invoice_no: required('invoice_no', text('reference'), invoice),
    memo: text('memo'),
  };
  check('something_was_paid', unitsOf(row.amount) !== 0n);
  check('currency', /^[A-Z]{3}$/.test(row.currency));
  check('rate', unitsOf(row.rate) >= 1n);
  return row;
}

function invoice(reference: string): string {
  return uint64(/-(\d+)$/.exec(reference)?.[1] ?? '') ?? setAside('EXPRESSION', 'invoice_no');
}
