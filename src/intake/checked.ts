import type { ZodType } from 'zod';
import { Refusal } from './refusal.js';

const MOST_PROBLEMS = 8;

/** A part of a request as its schema reads it. Throws Refusal that names each field that is wrong, eight at most. */
export function checked<T>(schema: ZodType<T>, value: unknown, where: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues
    .slice(0, MOST_PROBLEMS)
    .map((issue) => `${[where, ...issue.path].join('.')}: ${issue.message}`);
  throw new Refusal('invalid', problems.join('; '));
}
