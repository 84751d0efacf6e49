import { z } from 'zod';

/** Most tables in a file: each topic has a consumer group of its own. */
export const MOST_TABLES = 20;

/** Penstock's own tables have one writer. */
export const OWN_TABLES: readonly string[] = [
  ...[
    'image_results',
    'upload_events',
    'dead_letter_records',
    'dead_letter_decision_records',
    'capacity_change_records',
  ],
  ...['image_rollups', 'rollup_watermarks', 'model_versions', 'model_pins', 'schema_migrations', 'logs'],
  ...['dataset_manifests', 'dataset_loads', 'dataset_run_records', 'dataset_inputs', 'quarantined_rows'],
];

const TOPIC = /^(?!penstock\.)[A-Za-z0-9._-]{1,200}$/;
const NAME = '[A-Za-z_][A-Za-z0-9_]{0,126}';
const TABLE = new RegExp(`^${NAME}(\\.${NAME})?$`);
const COLUMN = new RegExp(`^${NAME}(\\.${NAME})?$`);

// Each message says what would be right, as the end of a sentence.
const topic = 'the name of a Kafka topic that is none of Penstock, like orders';
const table = "the name of a table that is none of Penstock's, like orders or shop.orders";
const format = 'JSONEachRow, the only format so far: each record is one JSON object';
const columns = 'a list of column names, like ["id", "at"], or leave it out';
const column = 'the name of a column, like id';
const unknownFields = 'refuse or skip';
const position = 'true or false';
const maxRows = 'a whole number from 1 to 1000000';
const everyMs = 'a whole number of milliseconds from 100 to 600000';

const topicTableSchema = z.strictObject({
  topic: z.string(topic).regex(TOPIC, topic).describe('The topic; it must exist, and is read from its start.'),
  table: z
    .string(table)
    .regex(TABLE, table)
    .refine((name) => !OWN_TABLES.includes(name), table)
    .describe('The table, in PENSTOCK_CLICKHOUSE_DATABASE unless it names a database.'),
  format: z.literal('JSONEachRow', format).default('JSONEachRow').describe('What a record is: one JSON object.'),
  columns: z
    .array(z.string(column).regex(COLUMN, column), columns)
    .min(1, columns)
    .max(1_000, columns)
    .optional()
    .describe('Columns that are filled; others get their defaults. Default: all that the objects have.'),
  unknownFields: z
    .enum(['refuse', 'skip'], unknownFields)
    .default('refuse')
    .describe('What a field without a column does: the record becomes a dead letter, or the field is left out.'),
  position: z
    .boolean(position)
    .default(false)
    .describe(
      'Fills the columns _topic, _partition and _offset with where the record stands: a key for rows without one.',
    ),
  maxRows: z
    .int(maxRows)
    .min(1, maxRows)
    .max(1_000_000, maxRows)
    .optional()
    .describe('Most rows in one insert. Default: PENSTOCK_SINK_MAX_ROWS.'),
  everyMs: z
    .int(everyMs)
    .min(100, everyMs)
    .max(600_000, everyMs)
    .default(1_000)
    .describe('Least milliseconds between two inserts of one sink.'),
});

/** The file of the sink's tables, version 1. */
export const tablesFileSchema = z.strictObject(
  {
    version: z.literal(1, '1, the version of this format'),
    tables: z
      .array(topicTableSchema, 'a list of tables, each with topic and table')
      .min(1, 'at least one table')
      .max(MOST_TABLES, `at most ${MOST_TABLES} tables`),
  },
  'an object with version and tables',
);

/** A topic of others, the table that its records go into, and how. */
export type TopicTable = z.infer<typeof topicTableSchema>;

/** Keys of the file, and of a table. */
export const KEYS = { file: Object.keys(tablesFileSchema.shape), table: Object.keys(topicTableSchema.shape) };
