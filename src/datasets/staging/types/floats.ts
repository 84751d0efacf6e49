import type { ColumnType } from '../../manifest/columnType.js';
import type { Family } from './family.js';

const NUMBER = "'[+-]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][+-]?[0-9]+)?'";

/**
 * The nearest number that the type holds, as everyone means by a float. Infinity and NaN are no values: one of them
 * makes every sum and average over it useless. A number too large for the type is none either.
 */
export function floats({ bits }: Extract<ColumnType, { kind: 'float' }>): Family {
  const valueType = bits === 32 ? 'FLOAT' : 'DOUBLE';
  return {
    valueType,
    read(from, shown, scope) {
      const cast = scope.name(`TRY_CAST(${from} AS ${valueType})`);
      const value = scope.name(
        `CASE WHEN isfinite(${cast}) AND regexp_full_match(${from}, ${NUMBER}) THEN ${cast} END`,
      );
      const why = `CASE WHEN regexp_full_match(${from}, ${NUMBER}) THEN concat(${shown}, ' is larger than Float${bits} holds') ELSE concat(${shown}, ' is no number') END`;
      return { value, why };
    },
    seen: (value) => value,
    seenType: valueType,
    // DuckDB writes 4.0 for what everyone else writes as 4.
    text: (value) => `regexp_replace(CAST(${value} AS VARCHAR), '[.]0$', '')`,
    carried: (value) => value,
    structure: `Float${bits}`,
    select: (column) => column,
  };
}
