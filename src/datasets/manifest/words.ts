import { z } from 'zod';

/** Parts of a manifest that several of its parts are made of. Each message says what would be right. */

const NAME = /^[a-z][a-z0-9_]{0,62}$/;
const COLUMN = /^[A-Za-z_][A-Za-z0-9_]{0,126}$/;
const SECRET = /^[A-Z][A-Z0-9_]{0,126}$/;
const DURATION = /^[1-9]\d{0,6}[smhd]$/;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SHARE = /^(?:100|\d{1,2}(?:\.\d{1,3})?)\s?%$/;

const name = 'small letters, digits and underscores, like orders or web_orders';
const column = 'the name of a column: letters, digits and underscores, like order_id';
const secret = 'the name of a secret, like SHOP_TOKEN; its value is never in the file';
const duration = 'a whole number with s, m, h or d, like 30s, 15m, 1h or 2d';
const share = 'a share, like 0.5 %';

/** Of a dataset, a check, or a lookup. */
export const nameSchema = z.string(name).regex(NAME, name);
export const columnNameSchema = z.string(column).regex(COLUMN, column);
/** Names a secret. */
export const secretSchema = z.string(secret).regex(SECRET, secret);
export const durationSchema = z.string(duration).regex(DURATION, duration);
export const shareSchema = z.string(share).regex(SHARE, share);

/** Text for people. */
export function text(most: number, what: string) {
  const right = `${what}, at most ${most} characters`;
  return z.string(right).min(1, right).max(most, right);
}

/** An expression of DuckDB's SQL over the columns of a row. */
export function sqlExpression(what: string) {
  return text(2_000, what);
}

export function whole(least: number, most: number) {
  const right = `a whole number from ${least} to ${most}`;
  return z.int(right).min(least, right).max(most, right);
}

export function oneOf<const T extends readonly [string, ...string[]]>(words: T) {
  return z.enum(words, words.length < 3 ? words.join(' or ') : `one of ${words.join(', ')}`);
}

/** Milliseconds of a duration that fits the schema. */
export function durationMs(duration: string): number {
  return Number(duration.slice(0, -1)) * (UNIT_MS[duration.slice(-1)] ?? Number.NaN);
}

/** 0 to 1, of a share that fits the schema. */
export function shareOf(share: string): number {
  return Number(share.replace('%', '')) / 100;
}
