/** Rows of a group, and values of it that are held in memory at once. */
const MOST_GROUP_ROWS = 122_880;
const LEAST_GROUP_ROWS = 2_048;
const GROUP_VALUES = 2_000_000;
/** A column with more values has no dictionary; to try for more costs DuckDB a third of the time of writing. */
const DICTIONARY_VALUES = 2_048;
/** Of all columns of texts together: DuckDB sets as much aside before it knows what is in them. */
const DICTIONARY_BYTES = 32 * 1024 * 1024;
const MOST_DICTIONARY_BYTES = 1024 * 1024;
const LEAST_DICTIONARY_BYTES = 4_096;

/** Options of COPY for a file of so many columns: with a thousand of them DuckDB's defaults take gigabytes of memory. */
export function parquetOptions(columns: number): string {
  const rows = between(LEAST_GROUP_ROWS, Math.floor(GROUP_VALUES / columns), MOST_GROUP_ROWS);
  const bytes = between(LEAST_DICTIONARY_BYTES, Math.floor(DICTIONARY_BYTES / columns), MOST_DICTIONARY_BYTES);
  const values = Math.min(DICTIONARY_VALUES, Math.ceil(rows / 5));
  return `FORMAT parquet, ROW_GROUP_SIZE ${rows}, DICTIONARY_SIZE_LIMIT ${values}, STRING_DICTIONARY_PAGE_SIZE_LIMIT ${bytes}`;
}

function between(least: number, value: number, most: number): number {
  return Math.max(least, Math.min(value, most));
}
