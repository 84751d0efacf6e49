import type { LandedRow, Manifest, Preview, PreviewColumn, QuarantinedRow } from '../../datasets/index.js';

/** What `penstock dataset preview --json` prints. Fields are only added. */
export interface PreviewReport {
  dataset: string;
  /** The manifest. */
  file: string;
  columns: PreviewColumn[];
  /** Rows that were looked at; each is in `rows` or in `quarantine`, unless all of them are what `failure` is about. */
  read: number;
  /** Rows that would land. Values are texts, with times in UTC; null where there is nothing. */
  rows: LandedRow[];
  /** Rows that would be set aside. */
  quarantine: QuarantinedRow[];
  /** Files or pages that they are from. */
  inputs: string[];
  /** They are all that there is; else there may be more. */
  whole: boolean;
  /** Columns of the source that the manifest does not name, and its policy for them. */
  newColumns: { names: string[]; policy: Manifest['schema']['newColumns'] };
  /** Rows that would land and of which a check warns, by its name. */
  warned: Record<string, number>;
  /** Values that would be dropped, by column. */
  dropped: Record<string, number>;
  /** Why a run of these rows alone would fail. */
  failure: string | null;
  /** What only a run can say. */
  undecided: string[];
  /** ClickHouse said which columns the table has already. */
  tableKnown: boolean;
}

/** What is printed of a preview. */
export function previewReport(preview: Preview, manifest: Manifest, file: string): PreviewReport {
  const { columns, read, rows, quarantine, inputs, isWhole, newColumns, warned, dropped } = preview;
  return {
    ...{ dataset: manifest.name, file, columns, read, rows, quarantine, inputs, whole: isWhole },
    newColumns: { names: newColumns, policy: manifest.schema.newColumns },
    ...{ warned, dropped, failure: preview.failure ?? null },
    ...{ undecided: undecidedOf(manifest), tableKnown: preview.isTableKnown },
  };
}

/** What only a run with all its rows can say, by the words of the manifest. */
function undecidedOf({ checks, target }: Manifest): string[] {
  const ofColumns = checks.columns.flatMap(({ column, unique, reference, maxNulls }) => [
    ...(unique === true ? [`unique of ${column}`] : []),
    ...(reference === undefined ? [] : [`reference of ${column}`]),
    ...(maxNulls === undefined ? [] : [`maxNulls of ${column}`]),
  ]);
  return [
    ...ofColumns,
    ...(checks.run === undefined ? [] : ['checks.run']),
    `maxQuarantined of ${checks.maxQuarantined}`,
    target.key === undefined ? 'duplicates' : `duplicates by ${target.key.join(', ')}`,
    ...(target.ttl === undefined ? [] : [`ttl of ${target.ttl.column}`]),
  ];
}
