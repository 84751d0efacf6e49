import type { z } from 'zod';
import type { checksSchema } from '../manifest/rules.js';
import { isQuantityName } from './names.js';
import type { ColumnProposal, LayoutProposal } from './proposal.js';

type ColumnCheck = NonNullable<z.input<typeof checksSchema>['columns']>[number];

/** More of them say less. */
const MOST_CHECKS = 20;

/** Checks that a sample gives reason for; all warn, as a sample proves nothing. */
export function checksOf(columns: readonly ColumnProposal[], { key }: LayoutProposal): ColumnCheck[] {
  const [only, ...others] = key;
  const unique =
    only === undefined || others.length > 0 ? [] : [{ column: only, unique: true as const, action: 'warn' as const }];
  const quantities = columns.filter(
    ({ kind, name, isNegative, type }) =>
      ['integer', 'decimal', 'float'].includes(kind) && !type.includes('UInt') && !isNegative && isQuantityName(name),
  );
  const least = quantities.map(({ name }) => ({ column: name, min: 0, action: 'warn' as const }));
  return [...unique, ...least].slice(0, MOST_CHECKS);
}
