import { z } from 'zod';
import { oneOf, text, whole } from './words.js';

const COMPRESSIONS = ['auto', 'none', 'gzip', 'zstd'] as const;
const one = 'one character of ASCII that is no quote and ends no line, or \\t';
const quote = 'one character of ASCII that ends no line, or nothing';

const compression = oneOf(COMPRESSIONS).default('auto').describe('auto: by the first bytes.');
const records = text(500, 'where the list of records is, like data.items');
/** A file is cut at single bytes, and a NUL is in none that is read. */
const delimiter = z.string(one).regex(/^(?:(?!["\0\r\n])\p{ASCII}|\\t)$/u, one);

const separated = {
  delimiter: delimiter.optional().describe('Default: , for csv and a tabulator for tsv.'),
  quote: z
    .string(quote)
    .regex(/^(?:(?![\0\r\n])\p{ASCII})?$/u, quote)
    .default('"'),
  encoding: oneOf(['auto', 'utf-8', 'utf-16', 'latin-1'])
    .default('auto')
    .describe('auto: by the byte order mark, else UTF-8.'),
  header: z.boolean('true or false').default(true).describe('The first row names the columns.'),
  skip: whole(0, 1_000).default(0).describe('Lines before the header that are left out.'),
  nulls: z
    .array(z.string(), 'a list of texts that stand for nothing, like ["", "NULL"]')
    .max(20, 'at most 20 texts')
    .default(['']),
  missingColumns: oneOf(['quarantine', 'null'])
    .default('quarantine')
    .describe('Rows with fewer columns than the header.'),
  extraColumns: oneOf(['quarantine', 'ignore'])
    .default('quarantine')
    .describe('Rows with more columns than the header.'),
  compression,
};

/** How rows are written. */
export const formatSchema = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('csv'), ...separated }),
    z.strictObject({ type: z.literal('tsv'), ...separated }),
    z.strictObject({ type: z.literal('ndjson'), compression }),
    z.strictObject({ type: z.literal('json'), records: records.optional(), compression }),
    z.strictObject({ type: z.literal('parquet') }),
  ],
  'type csv, tsv, ndjson, json or parquet',
);

export type DatasetFormat = z.infer<typeof formatSchema>;
