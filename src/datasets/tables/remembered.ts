import { z } from 'zod';
import type { Manifest } from '../manifest/schema.js';
import { compact } from './expressions.js';

/**
 * What a table can't be altered in, or does not know of itself; kept as JSON in the COMMENT of the storage, so that it is made
 * and dropped with the table.
 */
const rememberedSchema = z.object({
  penstock: z.literal('dataset/v1'),
  dataset: z.string(),
  mode: z.enum(['append', 'replace all', 'replace partitions']),
  /** In the order of the alphabet; null: all columns. */
  key: z.array(z.string()).nullable(),
  partitionBy: z.string().nullable(),
  orderBy: z.array(z.string()),
});

export type Remembered = z.infer<typeof rememberedSchema>;

/** Of a manifest, with expressions as `compact` writes them. */
export function rememberedOf({ name, target }: Manifest): Remembered {
  return {
    penstock: 'dataset/v1',
    dataset: name,
    mode: modeOf(target),
    key: target.key === undefined ? null : [...new Set(target.key)].sort(),
    partitionBy: target.partitionBy === undefined ? null : compact(target.partitionBy),
    orderBy: target.orderBy.map(compact),
  };
}

export function modeOf({ mode, replace }: Manifest['target']): Remembered['mode'] {
  return mode === 'append' ? mode : `replace ${replace}`;
}

/** Undefined: the table is none of Penstock's. */
export function readRemembered(comment: string): Remembered | undefined {
  try {
    return rememberedSchema.safeParse(JSON.parse(comment)).data;
  } catch {
    return undefined;
  }
}
