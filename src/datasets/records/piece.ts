/** From record `record` of the piece on (from 0), record r is of `source` and stands on line `line + (r - record)` of it. */
export interface LineMark {
  record: number;
  /** Name of the file or the page. */
  source: string;
  /** From 1: the line in a text, the number of the record in Parquet and in a list of JSON. */
  line: number;
}

/** Where a cut goes on. */
export interface Position {
  /** Index of the input. */
  input: number;
  /** Bytes of it that are done: after decompression and as UTF-8. Rows, for Parquet. */
  byte: number;
  /** The line that comes next. */
  line: number;
  /** What its header said. */
  columns?: string[];
}

/** A record that could not be told from its neighbours, or has not the shape that its file says. */
export interface RejectedRecord {
  source: string;
  line: number;
  reason: RejectReason;
  /** A sentence for a person. */
  detail: string;
  /** As it came, at most MOST_RAW_BYTES of it. */
  raw: string;
}

export type RejectReason =
  'MALFORMED' | 'NOT_UTF8' | 'TOO_LONG' | 'MISSING_COLUMNS' | 'EXTRA_COLUMNS' | 'NEW_COLUMNS' | 'CONTROL_CHARACTERS';

/** Of a record that was set aside so much is kept. */
export const MOST_RAW_BYTES = 65_536;

/** Records of one or several inputs, in a file on this machine, as many as are staged at a time. */
export type Piece = {
  /** Number of the piece's records: those in the file and those that were rejected. */
  read: number;
  rejected: RejectedRecord[];
  marks: LineMark[];
  /** Where the next piece begins; undefined at the end of the last input. */
  next?: Position;
} & (
  | {
      /** UTF-8, a line feed after each record, every record with as many fields as there are columns, no header. */
      kind: 'separated';
      path: string;
      records: number;
      columns: string[];
    }
  | {
      /** One JSON value a line. Numbers of more than 15 digits are texts, so that no reader rounds them. */
      kind: 'json';
      path: string;
      records: number;
    }
  | {
      kind: 'parquet';
      path: string;
      /** Of the file, from 0. */
      firstRow: number;
      records: number;
    }
);
