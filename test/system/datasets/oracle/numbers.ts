/** Numbers as texts: exact, whatever their size. Undefined for what is none, or what the type can't hold. */

const WHOLE = /^[+-]?\d+$/;
const DECIMAL = /^([+-]?)(\d+)(?:\.(\d+))?$/;
const GERMAN = /^[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?$/;

/** As ClickHouse writes it. `bits` of Int8 to Int128, or of UInt8 to UInt128. */
export function wholeText(text: string, signed: boolean, bits: number): string | undefined {
  if (!WHOLE.test(text)) return undefined;
  const value = BigInt(text.replace(/^\+/, ''));
  const least = signed ? -(2n ** BigInt(bits - 1)) : 0n;
  const most = signed ? 2n ** BigInt(bits - 1) - 1n : 2n ** BigInt(bits) - 1n;
  return value < least || value > most ? undefined : value.toString();
}

export const uint64 = (text: string): string | undefined => wholeText(text, false, 64);
export const int64 = (text: string): string | undefined => wholeText(text, true, 64);

/** Of 32 bits or fewer, which ClickHouse writes without quotes. */
export function uint32(text: string, bits: 8 | 16 | 32 = 32): number | undefined {
  const whole = wholeText(text, false, bits);
  return whole === undefined ? undefined : Number(whole);
}

/** With all digits of its scale, as with output_format_decimal_trailing_zeros. More digits than it has are no value of it. */
export function decimalText(text: string, precision: number, scale: number): string | undefined {
  const [, sign = '', whole, fraction = ''] = DECIMAL.exec(text) ?? [];
  if (whole === undefined || /[1-9]/.test(fraction.slice(scale))) return undefined;
  const digits = BigInt(whole + fraction.slice(0, scale).padEnd(scale, '0'));
  if (digits >= 10n ** BigInt(precision)) return undefined;
  return fixed(sign === '-' ? -digits : digits, scale);
}

/** 12345n with scale 2 is 123.45. */
export function fixed(units: bigint, scale: number): string {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const cut = digits.length - scale;
  return `${units < 0n ? '-' : ''}${digits.slice(0, cut)}${scale === 0 ? '' : `.${digits.slice(cut)}`}`;
}

/** The whole number of the last digits of a decimal: 123.45 is 12345n. */
export function unitsOf(decimal: string): bigint {
  return BigInt(decimal.replace('.', ''));
}

/** 1.234,50 is 1234.50. */
export function germanNumber(text: string): string | undefined {
  return GERMAN.test(text) ? text.replaceAll('.', '').replace(',', '.') : undefined;
}
