import { ClickHouseError } from '@clickhouse/client';
import { expect, it } from 'vitest';
import { toWarehouseError, type WarehouseErrorKind } from '../../../src/warehouse/errors.js';

it.each<[string, string, WarehouseErrorKind]>([
  ['27', 'Cannot parse input', 'data'],
  // A table of others has types, defaults and materialized columns that Penstock's own have not.
  ['675', 'Cannot parse IPv4 x', 'data'],
  ['676', 'Cannot parse IPv6 x', 'data'],
  ['407', 'Decimal math overflow', 'data'],
  ['153', "Division by zero: while executing 'FUNCTION intDiv(1, x)'", 'data'],
  ['395', "Value passed to 'throwIf' function is non-zero", 'data'],
  ['252', 'Too many partitions for single INSERT block (more than 100)', 'data'],
  ['252', 'Too many parts (3000). Merges are processing significantly slower than inserts', 'unavailable'],
  ['60', 'Table penstock.orders does not exist', 'refused'],
])('code %s (%s) is %s', (code, message, kind) => {
  expect(toWarehouseError(new ClickHouseError({ code, message, type: 'X' }))).toMatchObject({
    kind,
    code: Number(code),
  });
});

it('what is no answer of the server is unavailable', () => {
  expect(toWarehouseError(new Error('socket hang up'))).toMatchObject({ kind: 'unavailable', code: undefined });
});
