import type { ColumnType } from '../../manifest/columnType.js';
import { literal, literals } from '../sql.js';
import type { Family } from './family.js';

const HEX = '[0-9a-fA-F]';
const UUID = `${HEX}{8}-${HEX}{4}-${HEX}{4}-${HEX}{4}-${HEX}{12}`;
const OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const IPV4 = `${OCTET}(?:[.]${OCTET}){3}`;

/** As it is, up to the last space. */
export function strings(): Family {
  return asText((text) => text, 'a text');
}

/** At most so many bytes of UTF-8; ClickHouse fills the rest with zero bytes. */
export function fixedStrings({ bytes }: Extract<ColumnType, { kind: 'fixedString' }>): Family {
  return {
    ...strings(),
    read: (text, shown, scope) => ({
      value: scope.name(`CASE WHEN strlen(${text}) <= ${bytes} THEN ${text} END`),
      why: `concat(${shown}, ' has ', strlen(${text}), ' bytes; FixedString(${bytes}) holds ${bytes}')`,
    }),
  };
}

/** One of its values, as it is written. The table's own type gives it its number. */
export function enums({ values }: Extract<ColumnType, { kind: 'enum' }>): Family {
  const told = values.slice(0, 10).join(', ') + (values.length > 10 ? ', …' : '');
  return asText((text) => `CASE WHEN ${text} IN ${literals(values)} THEN ${text} END`, `one of ${told}`);
}

/** 36 characters with hyphens, in small letters or capitals. */
export function uuids(): Family {
  return asText((text) => `CASE WHEN regexp_full_match(${text}, '${UUID}') THEN lower(${text}) END`, 'a UUID');
}

/** An IPv4 address in a column of IPv6 is mapped, as ClickHouse does. */
export function addresses({ version }: Extract<ColumnType, { kind: 'ip' }>): Family {
  const isV4 = (text: string): string => `regexp_full_match(${text}, '${IPV4}')`;
  const value = (text: string): string =>
    version === 4
      ? `CASE WHEN ${isV4(text)} THEN ${text} END`
      : `CASE WHEN ${isV4(text)} THEN concat('::ffff:', ${text}) WHEN regexp_full_match(${text}, '${ipv6()}') THEN lower(${text}) END`;
  return asText(value, `an address of IPv${version}`);
}

/** true, 1 and yes; false, 0 and no; in any letters. */
export function bools(): Family {
  return {
    ...strings(),
    valueType: 'BOOLEAN',
    seenType: 'BOOLEAN',
    structure: 'Bool',
    text: (value) => `CAST(${value} AS VARCHAR)`,
    read: (text, shown, scope) => ({
      value: scope.name(
        `CASE WHEN lower(${text}) IN ('true', '1', 'yes') THEN true WHEN lower(${text}) IN ('false', '0', 'no') THEN false END`,
      ),
      why: `concat(${shown}, ' is neither true, 1, yes nor false, 0, no')`,
    }),
  };
}

/** Goes to ClickHouse as a text, which the insert casts to the type of the table. */
function asText(value: (text: string) => string, what: string): Family {
  return {
    valueType: 'VARCHAR',
    read: (text, shown, scope) => ({
      value: scope.name(value(text)),
      why: `concat(${shown}, ${literal(` is not ${what}`)})`,
    }),
    seen: (of) => of,
    seenType: 'VARCHAR',
    text: (of) => of,
    carried: (of) => of,
    structure: 'String',
    select: (column) => column,
  };
}

/** RFC 4291: eight groups, one run of them left out, the last two perhaps as IPv4. */
function ipv6(): string {
  const group = `${HEX}{1,4}`;
  const tail = `(?:${group}:${group}|${IPV4})`;
  const forms = [`(?:${group}:){6}${tail}`, `::(?:${group}:){5}${tail}`];
  for (let left = 4; left >= 0; left -= 1) {
    const before = 5 - left;
    forms.push(`(?:(?:${group}:){0,${before - 1}}${group})?::(?:${group}:){${left}}${tail}`);
  }
  forms.push(`(?:(?:${group}:){0,5}${group})?::${group}`, `(?:(?:${group}:){0,6}${group})?::`);
  return `(?:${forms.join('|')})`;
}
