import { z } from 'zod';
import {
  columnNameSchema,
  durationSchema,
  nameSchema,
  oneOf,
  shareSchema,
  sqlExpression,
  text,
  whole,
} from './words.js';

const action = oneOf(['warn', 'quarantine', 'fail']);
const runAction = oneOf(['warn', 'fail']);
const value = z.union([z.string(), z.number()]);

const rowCheck = z.strictObject({
  name: nameSchema,
  expression: sqlExpression('what has to be true of a row, like quantity > 0'),
  action: action.default('quarantine'),
});

const columnCheck = z.strictObject({
  column: columnNameSchema,
  unique: z.literal(true, 'true, or leave it out').optional(),
  min: value.optional(),
  max: value.optional(),
  values: z.array(value).min(1).max(1_000, 'at most 1000 values').optional(),
  pattern: text(500, 'a regular expression').optional(),
  reference: z.strictObject({ dataset: nameSchema, column: columnNameSchema }).optional(),
  maxNulls: shareSchema.optional().describe('Largest share of rows with nothing in it.'),
  action: action.default('quarantine'),
});

/** What has to hold before a run is published. */
export const checksSchema = z.strictObject({
  rows: z.array(rowCheck, 'a list of checks, each with name and expression').max(100, 'at most 100 checks').default([]),
  columns: z.array(columnCheck, 'a list of checks, each with column').max(1_000, 'at most 1000 checks').default([]),
  run: z
    .strictObject({
      minRows: whole(0, 1_000_000_000_000).optional(),
      maxRows: whole(0, 1_000_000_000_000).optional(),
      againstHistory: shareSchema.optional().describe('How far the rows may be from the median of the last ten runs.'),
      freshness: z
        .strictObject({ column: columnNameSchema, within: durationSchema })
        .optional()
        .describe('The latest time in the column is no older than so long before the run.'),
      action: runAction.default('fail'),
    })
    .optional(),
  maxQuarantined: shareSchema
    .default('5 %')
    .describe('A run that sets aside more of its rows fails before anything lands.'),
});

/** What happens when the source has another shape than the manifest. */
export const schemaPolicySchema = z.strictObject({
  newColumns: oneOf(['evolve', 'ignore', 'quarantine', 'freeze'])
    .default('ignore')
    .describe('evolve adds them as Nullable(String); freeze fails the run; quarantine sets their rows aside.'),
  missingColumns: oneOf(['freeze', 'null'])
    .default('freeze')
    .describe('A column that no row has: fails the run, or is nothing everywhere.'),
  badValues: oneOf(['quarantine', 'null', 'freeze'])
    .default('quarantine')
    .describe('A value that its type can not hold: its row is set aside, it alone is dropped, or the run fails.'),
});

/** The table that rows land in. */
export const targetSchema = z.strictObject({
  mode: oneOf(['append', 'replace']),
  replace: oneOf(['all', 'partitions'])
    .default('all')
    .describe('With mode replace: the whole table, or the partitions that the run has rows of.'),
  key: z
    .array(columnNameSchema, 'a list of columns that tell rows apart')
    .min(1, 'at least one column')
    .max(20, 'at most 20 columns')
    .optional()
    .describe(
      'Rows that equal another in it are duplicates: the last one of a run lands. Default: rows that equal another in everything.',
    ),
  partitionBy: text(200, 'an expression of ClickHouse, like toYYYYMM(ordered_at)').optional(),
  orderBy: z
    .array(text(200, 'a column or an expression of ClickHouse'), 'a list of columns')
    .min(1, 'at least one column')
    .max(20, 'at most 20 columns'),
  ttl: z
    .strictObject({ column: columnNameSchema, after: durationSchema })
    .optional()
    .describe('Rows are deleted so long after the time in a column.'),
});

export type DatasetChecks = z.infer<typeof checksSchema>;
export type SchemaPolicy = z.infer<typeof schemaPolicySchema>;
export type DatasetTarget = z.infer<typeof targetSchema>;
