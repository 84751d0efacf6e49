import { isNullable, type ColumnType } from '../../manifest/columnType.js';
import { arrays } from './arrays.js';
import { dates } from './dates.js';
import { decimals } from './decimals.js';
import type { Family, TimeReading } from './family.js';
import { floats } from './floats.js';
import { integers } from './integers.js';
import { addresses, bools, enums, fixedStrings, strings, uuids } from './texts.js';
import { times } from './times.js';

export { createZoneTable, isUtc } from './zones.js';

export type { Family, Reading, TimeReading } from './family.js';

/** How a type is read, computed with and carried, but for whether it may be nothing. `reading` is of a time or a date. */
export function familyOf(type: ColumnType, reading?: TimeReading, depth = 0): Family {
  switch (type.kind) {
    case 'integer':
      return integers(type);
    case 'float':
      return floats(type);
    case 'decimal':
      return decimals(type);
    case 'string':
      return strings();
    case 'fixedString':
      return fixedStrings(type);
    case 'bool':
      return bools();
    case 'uuid':
      return uuids();
    case 'ip':
      return addresses(type);
    case 'date':
      return dates(type, reading);
    case 'time':
      return times(type, reading);
    case 'enum':
      return enums(type);
    case 'array':
      return arrays(familyOf(type.of, undefined, depth + 1), isNullable(type.of), depth);
    case 'nullable':
    case 'lowCardinality':
      return familyOf(type.of, reading, depth);
  }
}
