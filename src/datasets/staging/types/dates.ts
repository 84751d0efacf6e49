import type { ColumnType } from '../../manifest/columnType.js';
import { literal } from '../sql.js';
import type { Family, TimeReading } from './family.js';

const DAY = "'[0-9]{4}-[0-9]{2}-[0-9]{2}'";
/** A time of day that says nothing. */
const MIDNIGHT =
  "'[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]00:00(?::00(?:[.,]0+)?)?(?: ?(?:Z|z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?))?'";

/** A day as it is written, in no zone. A time of day but midnight would be lost, and is refused. */
export function dates({ wide }: Extract<ColumnType, { kind: 'date' }>, reading?: TimeReading): Family {
  const [first, last] = wide ? ['1900-01-01', '2299-12-31'] : ['1970-01-01', '2149-06-06'];
  const format = reading?.format;
  return {
    valueType: 'DATE',
    read(text, shown, scope) {
      const day = scope.name(format === undefined ? iso(text) : byFormat(text, format));
      const value = scope.name(`CASE WHEN ${day} BETWEEN DATE '${first}' AND DATE '${last}' THEN ${day} END`);
      const no = literal(format === undefined ? ' is no day like 2024-05-01' : ` is no day like ${format}`);
      return {
        value,
        why: `CASE WHEN ${day} IS NULL THEN concat(${shown}, ${no}) ELSE concat(${shown}, ' is not between ${first} and ${last}, which ${wide ? 'Date32' : 'Date'} holds') END`,
      };
    },
    seen: (value) => value,
    seenType: 'DATE',
    text: (value) => `CAST(${value} AS VARCHAR)`,
    carried: (value) => value,
    structure: 'Date32',
    select: (column) => (wide ? column : `toDate(${column})`),
  };
}

function iso(text: string): string {
  const day = (of: string): string => `TRY_CAST(${of} AS DATE)`;
  return `CASE WHEN regexp_full_match(${text}, ${DAY}) THEN ${day(text)} WHEN regexp_full_match(${text}, ${MIDNIGHT}) THEN ${day(`left(${text}, 10)`)} END`;
}

function byFormat(text: string, format: string): string {
  const read = `CAST(try_strptime(${text}, ${literal(format)}) AS TIMESTAMP)`;
  return `CASE WHEN ${read} = date_trunc('day', ${read}) THEN CAST(${read} AS DATE) END`;
}
