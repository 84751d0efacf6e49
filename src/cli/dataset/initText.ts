import type { Proposal } from '../../datasets/index.js';
import { createTable } from '../table.js';

/** What was found in a sample, for a person. */
export function initText({ rows, isWhole, columns, notes }: Proposal, file: string): string {
  const count = rows.toLocaleString('en-US');
  const table = createTable(['column', 'type', 'rows with nothing', 'seems to be']);
  for (const { name, type, missing, personal } of columns)
    table.push([name, type, missing === 0 ? '' : missing.toLocaleString('en-US'), personal ?? '']);
  return [
    table.toString(),
    ...notes,
    `${file} is written, from ${isWhole ? `all ${count} rows` : `the first ${count} rows`} of the sample. Read it, then: penstock dataset check ${file}`,
  ].join('\n');
}
