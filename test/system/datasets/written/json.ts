/** A number as it stands in a text: JavaScript's own would round it. */
export class JsonNumber {
  constructor(readonly text: string) {}
}

/** A value of JSON that no number of JavaScript has touched. */
export type Json = string | boolean | null | bigint | JsonNumber | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** JSON in one line. */
export function jsonText(value: Json): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof JsonNumber) return value.text;
  if (isList(value)) return `[${value.map(jsonText).join(',')}]`;
  return `{${Object.entries(value)
    .map(([key, of]) => `${JSON.stringify(key)}:${jsonText(of)}`)
    .join(',')}}`;
}

/** The value at keys, one in the other; null where there is none. */
export function at(value: Json, ...[key, ...rest]: readonly string[]): Json {
  if (key === undefined) return value;
  if (!isObject(value)) return null;
  return Object.hasOwn(value, key) ? at(value[key] ?? null, ...rest) : null;
}

/** The text of a single value, as it stands in JSON without quotes; null for nothing, lists and objects. */
export function textOf(value: Json): string | null {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint' || typeof value === 'boolean') return value.toString();
  return value instanceof JsonNumber ? value.text : null;
}

export function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !isList(value) && !(value instanceof JsonNumber);
}
