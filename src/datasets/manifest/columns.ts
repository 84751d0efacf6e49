import { z } from 'zod';
import { isTimeZone, parseColumnType } from './columnType.js';
import { columnNameSchema, nameSchema, oneOf, sqlExpression, text } from './words.js';

const type = 'a type of ClickHouse that is loaded exactly, like UInt64, Decimal(18, 2) or DateTime64(3)';
const zone = 'a time zone, like Europe/Berlin';
const step = 'trim, collapse, lower, upper, or one of nullIf, replace, map, number and time with what it needs';
const columns = 'a list of columns, each with name and type';

const zoneSchema = z.string(zone).refine(isTimeZone, zone);

/** One step of cleaning a text, before it is read as the type of its column. */
export const cleaningSchema = z.union(
  [
    oneOf(['trim', 'collapse', 'lower', 'upper']),
    z.strictObject({ nullIf: z.array(z.string()).min(1).max(50) }),
    z.strictObject({ replace: text(500, 'a regular expression'), with: z.string().max(500) }),
    z.strictObject({
      map: z.record(z.string(), z.string()),
      else: oneOf(['keep', 'null', 'quarantine']).default('keep'),
    }),
    z.strictObject({
      number: z.strictObject({
        decimal: oneOf(['.', ',']).default('.'),
        group: oneOf(['', '.', ',', ' ', "'"]).default(''),
      }),
    }),
    z.strictObject({
      time: z.strictObject({
        format: text(100, 'a pattern of strptime, like %d.%m.%Y %H:%M').optional(),
        zone: zoneSchema.optional().describe('Of texts that name none. Default: that of the column.'),
        gap: oneOf(['quarantine', 'later'])
          .default('quarantine')
          .describe('A time that the change to summer time leaves out.'),
        overlap: oneOf(['quarantine', 'earlier', 'later'])
          .default('quarantine')
          .describe('A time that comes twice when summer time ends.'),
      }),
    }),
  ],
  step,
);

const literal = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** A column as it lands. */
export const columnSchema = z.strictObject({
  name: columnNameSchema,
  from: text(500, 'the name of a column, or a path like customer.id')
    .optional()
    .describe('Column of the source, or path in a record. Default: the name.'),
  type: z
    .string(type)
    .refine((written) => parseColumnType(written) !== undefined, type)
    .describe('A type of ClickHouse.'),
  required: z
    .boolean('true or false')
    .optional()
    .describe('Nothing there quarantines the row. Default: true unless the type is Nullable.'),
  default: literal.optional().describe('In place of nothing.'),
  clean: z.array(cleaningSchema, `a list of steps: ${step}`).max(20, 'at most 20 steps').optional(),
  expression: sqlExpression("an expression of DuckDB's SQL over the columns of the row")
    .optional()
    .describe('In place of from; columns before it are there by their names.'),
  personal: oneOf(['hash', 'drop']).optional().describe('Personal data: only its keyed hash lands, or nothing.'),
  description: text(1_000, 'what the column says').optional(),
  unit: text(50, 'a unit, like EUR or ms').optional(),
  codec: text(200, 'a codec of ClickHouse, like Delta, ZSTD(1)').optional(),
});

export const columnsSchema = z.array(columnSchema, columns).min(1, columns).max(1_000, 'at most 1000 columns');

const lookupOf = z.union(
  [
    z.strictObject({ dataset: nameSchema }),
    z.strictObject({ table: oneOf(['penstock.images', 'penstock.detections']) }),
    z.strictObject({ rows: z.array(z.record(z.string(), literal)).min(1).max(10_000, 'at most 10000 rows') }),
  ],
  'dataset with the name of one, table with penstock.images or penstock.detections, or rows',
);

/** A lookup before the write. */
export const enrichmentSchema = z.strictObject({
  name: nameSchema,
  lookup: lookupOf,
  on: z
    .record(z.string(), z.string())
    .describe('Columns of the dataset, and the column of the lookup that each equals.'),
  take: z.record(z.string(), z.string()).describe('New columns, and the column of the lookup that each is.'),
  missing: oneOf(['null', 'quarantine']).default('null').describe('A row without a match.'),
  several: oneOf(['fail', 'first']).default('fail').describe('A row with more than one match.'),
});

export type DatasetColumn = z.infer<typeof columnSchema>;

/** Columns that land: all but those of which nothing may be kept. */
export function landing(columns: readonly DatasetColumn[]): DatasetColumn[] {
  return columns.filter(({ personal }) => personal !== 'drop');
}

export type Cleaning = z.infer<typeof cleaningSchema>;
export type Enrichment = z.infer<typeof enrichmentSchema>;
