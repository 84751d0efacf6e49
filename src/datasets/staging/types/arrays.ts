import type { Family } from './family.js';
import { ElementScope } from '../pipeline.js';

const STRING = `"(?:[^"\\\\]|\\\\.)*"`;

/**
 * From a list of JSON; each element is read as its own type. Numbers are taken as they are written: JSON's reader would
 * round those of more than 17 digits. In a list that holds texts too such a number can't be told apart, and is refused.
 */
export function arrays(inner: Family, mayBeNothing: boolean, depth: number): Family {
  const each = (list: string, of: (element: string) => string): string =>
    `list_transform(${list}, lambda v${depth}: ${of(`v${depth}`)})`;
  const array = (type: string): string => `${type}[]`;
  return {
    valueType: array(inner.valueType),
    read(text, shown, scope) {
      const isList = scope.name(
        `json_valid(${text}) AND json_type(TRY_CAST(${text} AS JSON)) = 'ARRAY' AND NOT (${hasLongNumber(text)})`,
      );
      const texts = scope.name(`CASE WHEN ${isList} THEN TRY(from_json(${exact(text)}, '["VARCHAR"]')) END`);
      const elements = new ElementScope(depth);
      const element = elements.element;
      const { value, why } = inner.read(element, `concat('''', left(${element}, 100), '''')`, elements);
      const isBad = mayBeNothing ? `${value} IS NULL AND ${element} IS NOT NULL` : `${value} IS NULL`;
      const nothing = `CASE WHEN ${element} IS NULL THEN 'nothing, which its type can not be' ELSE ${why} END`;
      const told = `CASE WHEN ${isBad} THEN ${nothing} END`;
      const read = scope.name(elements.sql(texts, `struct_pack(v := ${value}, bad := ${isBad}, why := ${told})`));
      const bad = `list_filter(${read}, lambda b${depth}: b${depth}.bad)`;
      return {
        value: scope.name(`CASE WHEN len(${bad}) = 0 THEN ${each(read, (one) => `${one}.v`)} END`),
        why: `CASE WHEN ${texts} IS NULL THEN concat(${shown}, ' is no list of JSON like [1, 2]') ELSE concat(${shown}, ': ', ${bad}[1].why) END`,
      };
    },
    seen: (value) => each(value, inner.seen),
    seenType: array(inner.seenType),
    text: (value) => `CAST(to_json(${each(value, inner.text)}) AS VARCHAR)`,
    carried: (value) => each(value, inner.carried),
    structure: `Array(${mayBeNothing ? `Nullable(${inner.structure})` : inner.structure})`,
    select: (column) => {
      const one = inner.select(`x${depth}`);
      return one === `x${depth}` ? column : `arrayMap(x${depth} -> ${one}, ${column})`;
    },
  };
}

/** Where there are no texts every number is made one. */
function exact(text: string): string {
  return `CASE WHEN contains(${text}, '"') THEN ${text} ELSE regexp_replace(${text}, '(-?[0-9][0-9.eE+-]*)', '"\\1"', 'g') END`;
}

function hasLongNumber(text: string): string {
  return `contains(${text}, '"') AND regexp_matches(regexp_replace(${text}, '${STRING}', '""', 'g'), '[0-9.]{17}')`;
}
