import {
  check,
  decimalText,
  fateOf,
  germanNumber,
  isoText,
  isoTime,
  required,
  uint32,
  uint64,
  type LandedRow,
  type Rules,
} from '../oracle/index.js';
import type { TextFields } from '../written/index.js';
import type { Variant } from './variant.js';

/** What a dataset of the fleet does with its records. */
export function fleetRules({ name, mode, hasKey, isUnique, isGerman }: Variant): Rules<TextFields> {
  return {
    dataset: name,
    columns: ['at', 'id', 'kind', 'amount', 'quantity', 'note'],
    mode,
    ...(hasKey ? { key: ['at', 'id'] } : {}),
    ...(isUnique ? { unique: ['id'] } : {}),
    partition: (row) => String(row['at']).slice(0, 7),
    maxQuarantined: 0.3,
    land: (fields) => fateOf(() => landed(fields, isGerman)),
  };
}

function landed(fields: TextFields, isGerman: boolean): LandedRow {
  const text = (name: string): string | null => fields[name] ?? null;
  const row = {
    at: required('at', text('at'), (value) => {
      const ns = isoTime(value);
      return ns === undefined ? undefined : isoText(ns, 3);
    }),
    id: required('id', text('id'), uint64),
    kind: required('kind', text('kind'), (value) => value.trim().toLowerCase()),
    amount: required('amount', text('amount'), (value) =>
      decimalText(isGerman ? (germanNumber(value) ?? '') : value, 18, 2),
    ),
    quantity: required('quantity', text('quantity') ?? '1', uint32),
    note: text('note'),
  };
  check('some', row.quantity > 0);
  return row;
}
