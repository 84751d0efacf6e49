import type { Scope } from '../pipeline.js';

/** SQL of what a text says. */
export interface Reading {
  /** NULL where there is nothing, and where the text is no value of the type. */
  value: string;
  /** Why it is none: the end of a sentence. Only asked where a text is there and no value. */
  why: string;
}

/** How one type is read from text, computed with, and carried to ClickHouse. All of it is SQL. */
export interface Family {
  /**
   * `text` is the name of a VARCHAR; `shown` is how a sentence calls it. No reading rounds: what the type can't hold is
   * no value of it.
   */
  read(text: string, shown: string, scope: Scope): Reading;
  /** Type of DuckDB that values have. */
  valueType: string;
  /** A value as expressions see it, and its type of DuckDB. */
  seen: (value: string) => string;
  seenType: string;
  /** A value as its text, which the same reading understands. */
  text: (value: string) => string;
  /** A value as it is written to Parquet. */
  carried: (value: string) => string;
  /** The type of ClickHouse that the carried value has. */
  structure: string;
  /** What ClickHouse makes of a carried value that is called so. It can't fail. */
  select: (column: string) => string;
}

/** How a text that says a time is read. */
export interface TimeReading {
  /** Pattern of strptime; without one ISO 8601. */
  format?: string;
  /** Of texts that name no offset. */
  zone: string;
  gap: 'quarantine' | 'later';
  overlap: 'quarantine' | 'earlier' | 'later';
}
