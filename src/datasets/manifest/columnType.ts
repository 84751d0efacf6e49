/** What a column of a dataset can hold: the types of ClickHouse that are loaded exactly. */
export type ColumnType =
  | { kind: 'integer'; signed: boolean; bits: 8 | 16 | 32 | 64 | 128 }
  | { kind: 'float'; bits: 32 | 64 }
  | { kind: 'decimal'; precision: number; scale: number }
  | { kind: 'string' }
  | { kind: 'fixedString'; bytes: number }
  | { kind: 'bool' }
  | { kind: 'uuid' }
  | { kind: 'ip'; version: 4 | 6 }
  /** `wide`: Date32. */
  | { kind: 'date'; wide: boolean }
  /** Digits of a fraction of a second; null: DateTime, whole seconds from 1970 to 2106. */
  | { kind: 'time'; digits: number | null; zone: string }
  | { kind: 'enum'; values: readonly string[] }
  | { kind: 'array'; of: ColumnType }
  | { kind: 'nullable'; of: ColumnType }
  | { kind: 'lowCardinality'; of: ColumnType };

const NAMED: Readonly<Record<string, ColumnType>> = {
  ...Object.fromEntries<ColumnType>(
    ([8, 16, 32, 64, 128] as const).flatMap((bits) => [
      [`Int${bits}`, { kind: 'integer', signed: true, bits }],
      [`UInt${bits}`, { kind: 'integer', signed: false, bits }],
    ]),
  ),
  Float32: { kind: 'float', bits: 32 },
  Float64: { kind: 'float', bits: 64 },
  String: { kind: 'string' },
  Bool: { kind: 'bool' },
  UUID: { kind: 'uuid' },
  IPv4: { kind: 'ip', version: 4 },
  IPv6: { kind: 'ip', version: 6 },
  Date: { kind: 'date', wide: false },
  Date32: { kind: 'date', wide: true },
};
/** A decimal of DuckDB has no more. */
const MOST_DIGITS = 38;
const MOST_FIXED_BYTES = 1_024;
const MOST_NANOSECOND_DIGITS = 9;
const MOST_ENUM_VALUES = 1_000;
const DEPTH = 4;

/**
 * Reads a type as ClickHouse writes it. Undefined for one that is none, or that is not loaded: 256 bits, maps, tuples,
 * JSON. A time without a zone is UTC, whatever the server's is.
 */
export function parseColumnType(text: string): ColumnType | undefined {
  return parse(text.trim(), 0);
}

function parse(text: string, depth: number): ColumnType | undefined {
  if (Object.hasOwn(NAMED, text)) return NAMED[text];
  const [, name = '', inside = ''] = /^([A-Za-z0-9]+)(?:\((.*)\))?$/s.exec(text) ?? [];
  if (name === 'Array' || name === 'Nullable' || name === 'LowCardinality') return nested(name, inside, depth);
  return withArguments(name, inside.trim());
}

function nested(name: 'Array' | 'Nullable' | 'LowCardinality', inside: string, depth: number): ColumnType | undefined {
  const of = depth < DEPTH ? parse(inside.trim(), depth + 1) : undefined;
  if (of === undefined) return undefined;
  if (name === 'Array') return { kind: 'array', of };
  if (name === 'Nullable')
    return of.kind === 'array' || of.kind === 'nullable' || of.kind === 'lowCardinality'
      ? undefined
      : { kind: 'nullable', of };
  const inner = of.kind === 'nullable' ? of.of : of;
  return inner.kind === 'string' || inner.kind === 'fixedString' ? { kind: 'lowCardinality', of } : undefined;
}

function withArguments(name: string, inside: string): ColumnType | undefined {
  const numbers = inside.split(',').map((part) => (/^\s*\d{1,4}\s*$/.test(part) ? Number(part) : NaN));
  const [first = NaN, second = NaN] = numbers;
  switch (name) {
    case 'Decimal':
      return numbers.length === 2 && first >= 1 && first <= MOST_DIGITS && second <= first
        ? { kind: 'decimal', precision: first, scale: second }
        : undefined;
    case 'FixedString':
      return numbers.length === 1 && first >= 1 && first <= MOST_FIXED_BYTES
        ? { kind: 'fixedString', bytes: first }
        : undefined;
    case 'DateTime': {
      const zone = inside === '' ? 'UTC' : quoted(inside);
      return zone !== undefined && isTimeZone(zone) ? { kind: 'time', digits: null, zone } : undefined;
    }
    case 'DateTime64': {
      const [, digits = '', rest] = /^(\d)\s*(?:,(.*))?$/s.exec(inside) ?? [];
      const zone = rest === undefined ? 'UTC' : quoted(rest.trim());
      return digits !== '' && Number(digits) <= MOST_NANOSECOND_DIGITS && zone !== undefined && isTimeZone(zone)
        ? { kind: 'time', digits: Number(digits), zone }
        : undefined;
    }
    case 'Enum8':
    case 'Enum16':
      return enumOf(inside);
    default:
      return undefined;
  }
}

/** Without numbers: ClickHouse gives them, and a new value at the end changes none. */
function enumOf(inside: string): ColumnType | undefined {
  const values: string[] = [];
  let rest = inside;
  while (rest !== '' && values.length <= MOST_ENUM_VALUES) {
    const [whole = '', value] = /^\s*'((?:[^'\\]|\\.)*)'\s*(?:,|$)/s.exec(rest) ?? [];
    if (value === undefined) return undefined;
    values.push(value.replaceAll(/\\(.)/gs, '$1'));
    rest = rest.slice(whole.length);
  }
  const isFitting = values.length > 0 && values.length <= MOST_ENUM_VALUES && new Set(values).size === values.length;
  return isFitting ? { kind: 'enum', values } : undefined;
}

function quoted(text: string): string | undefined {
  return /^'([^'\\]*)'$/.exec(text)?.[1];
}

/** A name of the IANA database that this machine has. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Without what only says how it is stored. */
export function bareType(type: ColumnType): ColumnType {
  return type.kind === 'nullable' || type.kind === 'lowCardinality' ? bareType(type.of) : type;
}

export function isNullable(type: ColumnType): boolean {
  return type.kind === 'nullable' || (type.kind === 'lowCardinality' && isNullable(type.of));
}
