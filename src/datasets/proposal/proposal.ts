import type { CleaningStep, Kind } from './reading.js';

/** A column as it should land. */
export interface ColumnProposal {
  name: string;
  /** Column of the source, or path in a record. */
  from: string;
  type: string;
  clean: CleaningStep[];
  /** In place of nothing. */
  default?: string;
  kind: Kind;
  /** Rows with nothing in it. */
  missing: number;
  distinct: number;
  isNegative: boolean;
  range?: readonly [least: string, greatest: string];
  /** What of a person it seems to say. */
  personal?: string;
  /** Sentences for the person who reads the manifest. */
  notes: string[];
  /** Name in the table of the sample. */
  sql: string;
}

/** How rows should lie in their table. */
export interface LayoutProposal {
  /** Empty: no few columns tell rows apart. */
  key: string[];
  /** Rows of the sample that equal another in everything. */
  repeated: number;
  /** Column with the time of a row. */
  time?: string;
  /** Months that the sample has rows of. */
  months?: number;
  orderBy: string[];
}

/** A manifest, and what it goes by. */
export interface Proposal {
  name: string;
  /** The manifest, with comments. */
  text: string;
  format: string;
  /** Rows that were looked at. */
  rows: number;
  /** They are all that the sample has. */
  isWhole: boolean;
  columns: readonly ColumnProposal[];
  layout: LayoutProposal;
  /** What a person should know of the sample, a sentence each. */
  notes: readonly string[];
}
