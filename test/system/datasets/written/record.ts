/** A file as it lies in a bucket or a folder. */
export interface SourceFile {
  /** Name of the object, or path below the folder. */
  name: string;
  bytes: Buffer;
}

/** Why a record is set aside before anyone reads its values. */
export type CutReason =
  'MALFORMED' | 'NOT_UTF8' | 'TOO_LONG' | 'MISSING_COLUMNS' | 'EXTRA_COLUMNS' | 'NEW_COLUMNS' | 'CONTROL_CHARACTERS';

export type Reason =
  CutReason | 'MISSING_VALUE' | 'BAD_VALUE' | 'LOOKUP_MISSING' | 'EXPRESSION' | 'CHECK' | 'UNIQUE' | 'REFERENCE';

/** A record as its writer knows it, so that nobody has to parse the file to know what is in it. */
export interface Written<Fields> {
  /** Name of the file or the page. */
  source: string;
  /** From 1: the line of a text that it begins on, the number of the record in Parquet and in a list of JSON. */
  line: number;
  rejected?: CutReason;
  fields: Fields;
}

/** What is new in a source since the version before. */
export interface Version<Fields> {
  /** New ones, and those with another content, by name. */
  files: SourceFile[];
  /** All records of these files, in the order of names and lines. */
  records: Written<Fields>[];
  /** How many records have which fault. Faults that no reader minds (a time that comes twice) are told here too. */
  faults: Record<string, number>;
}

/** Fields of one row of a text by the names in the header; null: the field is not there or NULL was written. */
export type TextFields = Readonly<Record<string, string | null>>;
