/** What a dataset of the fleet is like. */
export interface Variant {
  /** ds_01 to ds_40. */
  name: string;
  source: 'objects' | 'files' | 'http';
  format: 'csv' | 'tsv' | 'ndjson' | 'json' | 'parquet';
  compression: 'none' | 'gzip' | 'zstd';
  /** CSV with semicolons and 1.234,50. */
  isGerman: boolean;
  mode: 'append' | 'replace all' | 'replace partitions';
  /** Rows are told apart by their id; else by everything. */
  hasKey: boolean;
  /** An id may come once in a run. */
  isUnique: boolean;
  pagination: 'none' | 'page' | 'cursor';
  schedule: { cron: string } | { everySeconds: number };
}

type Written = Pick<Variant, 'format' | 'compression' | 'isGerman'>;

const plain = { compression: 'none', isGerman: false } as const;
const FILES: readonly Written[] = [
  { ...plain, format: 'csv' },
  { ...plain, format: 'csv', isGerman: true, compression: 'gzip' },
  { ...plain, format: 'ndjson' },
  { ...plain, format: 'parquet' },
  { ...plain, format: 'tsv' },
  { ...plain, format: 'ndjson', compression: 'zstd' },
  { ...plain, format: 'json' },
  { ...plain, format: 'csv', isGerman: true },
  { ...plain, format: 'ndjson', compression: 'gzip' },
];
const PAGES: readonly (Pick<Variant, 'format' | 'pagination'> & Partial<Written>)[] = [
  { format: 'json', pagination: 'cursor' },
  { format: 'json', pagination: 'page' },
  { format: 'ndjson', pagination: 'none' },
  { format: 'csv', pagination: 'none', isGerman: true },
];
const SOURCES = ['objects', 'files', 'http', 'objects'] as const;
const MODES = ['append', 'replace partitions', 'append', 'replace all'] as const;
const LEAST_SECONDS = 20;
const MOST_SECONDS = 60;

/** The variant of a number from 0; each source meets each format and each mode. */
export function variantOf(index: number): Variant {
  const source = SOURCES[index % SOURCES.length] ?? 'objects';
  const round = Math.floor(index / SOURCES.length);
  const mode = MODES[(round + index) % MODES.length] ?? 'append';
  const written = source === 'http' ? PAGES[round % PAGES.length] : FILES[(round + (index % 4) * 3) % FILES.length];
  return {
    name: `ds_${String(index + 1).padStart(2, '0')}`,
    source,
    ...{ format: 'csv', pagination: 'none', ...plain, ...written },
    // What is read again and again has to be told apart by something.
    mode: source === 'http' && mode === 'replace partitions' ? 'append' : mode,
    hasKey: mode !== 'replace all' && (source === 'http' || round % 2 === 0),
    isUnique: mode === 'replace all',
    schedule:
      index % 5 === 4
        ? { cron: '* * * * *' }
        : { everySeconds: LEAST_SECONDS + ((index * 7) % (MOST_SECONDS - LEAST_SECONDS + 1)) },
  };
}
