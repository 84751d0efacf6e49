import type { z } from 'zod';
import type { formatSchema } from '../manifest/format.js';
import { identifier } from '../staging/sql.js';
import type { Database } from './database.js';

export type FormatSettings = z.input<typeof formatSchema>;

/** A sample in DuckDB: the table `sample`, whose columns are c0, c1, … */
export interface SampleTable {
  format: FormatSettings;
  /** Rows of the table. */
  rows: number;
  /** These rows are all that there are. */
  isWhole: boolean;
  columns: SampleColumn[];
  /** What a person should know of the file, a sentence each. */
  notes: string[];
  /** Where a JSON answer says where its next page is. */
  nextPage?: { path: string; isAddress: boolean };
}

export interface SampleColumn {
  /** Column of the source, or path in a record. */
  from: string;
  /** Name in the table. */
  sql: string;
  /** What the source says of its values; of `text` it says nothing. */
  holds: 'text' | 'list' | 'json' | { type: string };
}

/** The table that readings of a sample are made of. */
export const SAMPLE = 'sample';
/** A manifest has no more. */
export const MOST_COLUMNS = 1_000;

/** Makes the table of a query, with at most `most` rows. */
export async function makeTable(db: Database, query: string, most: number): Promise<{ rows: number; isCut: boolean }> {
  await db.run(`CREATE OR REPLACE TABLE ${SAMPLE} AS ${query} LIMIT ${most + 1}`);
  const rows = await countOf(db, `SELECT count(*) FROM ${SAMPLE}`);
  if (rows <= most) return { rows, isCut: false };
  await db.run(`DELETE FROM ${SAMPLE} WHERE rowid >= ${most}`);
  return { rows: most, isCut: true };
}

export async function countOf(db: Database, sql: string): Promise<number> {
  const [[count] = []] = await db.rows(sql);
  return Number(count ?? 0);
}

/** Name of the column of that index in the table. */
export function columnAt(index: number): string {
  return identifier(`c${index}`);
}
