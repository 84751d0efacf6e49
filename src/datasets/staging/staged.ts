/** A row that was set aside. */
export interface QuarantinedRow {
  source: string;
  line: number;
  /** Like BAD_VALUE or CHECK; a word for machines. */
  reason: string;
  /** The column or the check; empty where it is the whole row. */
  subject: string;
  /** A sentence for a person. */
  detail: string;
  /** As it came: JSON of the columns of the source, at most MOST_RAW_BYTES of it. */
  raw: string;
}

/** A row that landed, for a person. */
export interface LandedRow {
  source: string;
  line: number;
  /**
   * By column: texts that the types read again, times in UTC; null where there is nothing. One of more than 10,000
   * characters is cut, and ends with ….
   */
  values: Record<string, string | null>;
}

/**
 * A piece that is ready to be loaded: `read = rows + quarantined`. Where the columns of the source alone make the run
 * fail, nothing of it is staged: both are 0.
 */
export interface StagedPiece {
  read: number;
  /** Rows of the Parquet file; 0: there is no file. */
  rows: number;
  /**
   * Parquet with the columns that rowStructure() names, `_source` and `_line` among them. A column `_notes` may stand
   * beside them, which ClickHouse passes over: it counts what is in `warned` and `dropped`.
   */
  path?: string;
  quarantined: number;
  /** NDJSON of QuarantinedRow. */
  quarantinePath?: string;
  /** Columns of the source that the manifest does not name, at most 100; those that the table has already come last. */
  newColumns: string[];
  /** Rows that landed and of which a check only warns, by the name of the check, or of its column. */
  warned: Record<string, number>;
  /** Values of rows that landed that were dropped because their type can not hold them, by column. */
  dropped: Record<string, number>;
  /** Why the run has to fail: a check or a policy that says so, with the first line that it is about. */
  failure?: string;
}

/** Asks for what a lookup knows of keys. Both files are Parquet. */
export interface LookupRequest {
  /** Name of the lookup in the manifest. */
  name: string;
  /**
   * Parquet with the distinct keys: columns k0, k1, … in the order of `on`, with the types of rowStructure(). Of personal
   * data that lands as its hash the key is the hash.
   */
  keysPath: string;
  /**
   * Where the answer is to be written: columns k0, k1, … as they were given, and t0, t1, … in the order of `take`, one
   * row for each match. Times without a zone are UTC; times in nanoseconds and UTC are refused, give them as texts.
   */
  answerPath: string;
}

export type Lookup = (request: LookupRequest) => Promise<void>;
