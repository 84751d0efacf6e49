import type { ColumnType } from '../../manifest/columnType.js';
import type { Family } from './family.js';

const SIGNED = { 8: 'TINYINT', 16: 'SMALLINT', 32: 'INTEGER', 64: 'BIGINT', 128: 'HUGEINT' } as const;
const WHOLE = "'[+-]?[0-9]+(?:[.]0+)?'";

/** Digits with a sign or none; a fraction of zeros is no fraction. Neither exponents nor hexadecimal. */
export function integers({ signed, bits }: Extract<ColumnType, { kind: 'integer' }>): Family {
  const valueType = signed ? SIGNED[bits] : `U${SIGNED[bits]}`;
  const clickHouse = `${signed ? '' : 'U'}Int${bits}`;
  const least = signed ? -(2n ** BigInt(bits - 1)) : 0n;
  const most = 2n ** BigInt(signed ? bits - 1 : bits) - 1n;
  // Sums and differences of small or unsigned numbers are no overflow for whoever writes an expression.
  const seenType = bits === 128 ? valueType : !signed && bits === 64 ? 'HUGEINT' : 'BIGINT';
  const text = (value: string): string => `CAST(${value} AS VARCHAR)`;
  // DuckDB writes 128 bits to Parquet as DOUBLE, which rounds.
  const isText = bits === 128;
  return {
    valueType,
    read(from, shown, scope) {
      // The cast alone takes 1e3, 1_000, 0x1F and 1.5; what it gives back unchanged is plain digits.
      const cast = scope.name(`TRY_CAST(${from} AS ${valueType})`);
      const plain = `TRY_CAST(regexp_replace(${from}, '[.]0+$', '') AS ${valueType})`;
      const value = scope.name(
        `CASE WHEN ${text(cast)} = ${from} THEN ${cast} WHEN regexp_full_match(${from}, ${WHOLE}) THEN ${plain} END`,
      );
      const why = `CASE WHEN regexp_full_match(${from}, ${WHOLE}) THEN concat(${shown}, ' is not between ${least} and ${most}, which ${clickHouse} holds') ELSE concat(${shown}, ' is no whole number') END`;
      return { value, why };
    },
    seen: (value) => (seenType === valueType ? value : `CAST(${value} AS ${seenType})`),
    seenType,
    text,
    carried: (value) => (isText ? text(value) : value),
    structure: isText ? 'String' : clickHouse,
    select: (column) => column,
  };
}
