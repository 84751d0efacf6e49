import { z } from 'zod';
import { BEARER_TOKEN, NO_TOKEN } from './apiKeys.js';

/** A whole number, with its default and bounds. */
export const int = (fallback: number, min: number, max: number) =>
  z.coerce.number().int().min(min).max(max).default(fallback);
/** Not set means something of its own, which the description says. */
export const optionalInt = (min: number, max: number) => z.coerce.number().int().min(min).max(max).optional();
/** Items that commas separate. */
export const list = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((text) =>
      text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    );
/** A list of static tokens. What is wrong is said by position: a token is never repeated. */
export const tokens = list('').superRefine((items, context) => {
  items.forEach((item, index) => {
    if (!BEARER_TOKEN.test(item)) context.addIssue({ code: 'custom', message: `token ${index + 1} ${NO_TOKEN}` });
  });
});
/** A number from 0 on; not set means that there is none. */
export const amount = (meaning: string) => z.coerce.number().min(0).max(1e12).optional().describe(meaning);
/** Off unless it is set. */
export const flag = z.stringbool().default(false);
/** Text that is never logged. */
export const secret = z.string().optional();
