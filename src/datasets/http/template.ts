import { HttpSourceError } from './errors.js';

/** What a run is for. Undefined: the run has no such thing. */
export interface PageVariables {
  since?: string | undefined;
  until?: string | undefined;
  date?: string | undefined;
}

const PLACEHOLDER = /\{\{\s*([^{}]*?)\s*\}\}/g;

/** The text with `{{since}}`, `{{until}}` and `{{date}}` filled in. Throws HttpSourceError for any other, and for one without a value. */
export function fill(text: string, variables: PageVariables, where: string, encode = (value: string) => value): string {
  return text.replaceAll(PLACEHOLDER, (whole, name: string) => {
    if (name !== 'since' && name !== 'until' && name !== 'date')
      throw new HttpSourceError(
        'refused',
        `source.${where}: ${whole} is not known; {{since}}, {{until}} and {{date}} are`,
      );
    const value = variables[name];
    if (value === undefined) throw new HttpSourceError('refused', `source.${where}: ${whole} has no value in this run`);
    return encode(value);
  });
}

/** The same in every string of a JSON value, at any depth; keys stay as they are. */
export function fillAll(value: unknown, variables: PageVariables, where: string): unknown {
  if (typeof value === 'string') return fill(value, variables, where);
  if (Array.isArray(value)) return value.map((one) => fillAll(one, variables, where));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fillAll(one, variables, where)]));
}
