import {
  CsvFile,
  gzipped,
  JsonNumber,
  jsonText,
  parquetBytes,
  zstdLines,
  type CsvStyle,
  type JsonObject,
  type SourceFile,
  type TextFields,
  type Written,
} from '../written/index.js';
import { FLEET_COLUMNS, type FleetRow } from './rows.js';
import type { Variant } from './variant.js';

const ENDINGS = { none: '', gzip: '.gz', zstd: '.zst' } as const;
const PARQUET = {
  at: 'TIMESTAMP',
  id: 'BIGINT',
  kind: 'VARCHAR',
  amount: 'DECIMAL(18, 4)',
  quantity: 'BIGINT',
  note: 'VARCHAR',
};

/** What the manifest matches. */
export function filePattern({ name, format, compression }: Variant): string {
  return `${name}/*.${format}${ENDINGS[compression]}`;
}

/** Name of a version's file; a dataset that is replaced whole has one, whose content changes. */
export function fileName(variant: Variant, version: number): string {
  const file = variant.mode === 'replace all' ? 'latest' : `part-${String(version + 1).padStart(4, '0')}`;
  return filePattern(variant).replace('*', file);
}

/** A file with these rows, and where in it they are. */
export async function writeFile(
  variant: Variant,
  name: string,
  rows: readonly FleetRow[],
): Promise<{ file: SourceFile; records: Written<TextFields>[] }> {
  const { format, compression } = variant;
  const numbered = rows.map((row, at) => recordOf(name, at + 1, row));
  switch (format) {
    case 'csv':
    case 'tsv':
      return separated(variant, name, rows);
    case 'parquet': {
      const values = rows.map(({ fields }) => FLEET_COLUMNS.map((column) => fields[column] ?? null));
      return { file: { name, bytes: await parquetBytes(PARQUET, values) }, records: numbered };
    }
    case 'json': {
      const bytes = Buffer.from(`{"items":[${rows.map(jsonOf).join(',\n')}]}`);
      return { file: { name, bytes }, records: numbered };
    }
    case 'ndjson': {
      const lines = rows.map(jsonOf);
      if (compression === 'zstd') return { file: { name, bytes: await zstdLines(lines) }, records: numbered };
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
      return { file: { name, bytes: compression === 'gzip' ? gzipped(bytes) : bytes }, records: numbered };
    }
  }
}

/** A row as a line of NDJSON, or as an element of a list; cut off where it is to be malformed. */
export function jsonOf({ fields, rejected }: FleetRow): string {
  const record: JsonObject = {
    ...fields,
    id: fields['id'] ? BigInt(fields['id']) : null,
    amount: new JsonNumber(fields['amount'] ?? 'null'),
    quantity: new JsonNumber(fields['quantity'] ?? 'null'),
  };
  const text = jsonText(record);
  return rejected === 'MALFORMED' ? text.slice(0, -1) : text;
}

function separated(
  { format, isGerman, compression }: Variant,
  name: string,
  rows: readonly FleetRow[],
): { file: SourceFile; records: Written<TextFields>[] } {
  const style: CsvStyle = {
    delimiter: format === 'tsv' ? '\t' : isGerman ? ';' : ',',
    newline: '\n',
    encoding: 'utf-8',
    gzip: compression === 'gzip',
  };
  const file = new CsvFile(name, style, FLEET_COLUMNS);
  const records = rows.map((row) => {
    const values = FLEET_COLUMNS.map((column) => row.fields[column] ?? '');
    return recordOf(name, file.row(row.rejected === 'MISSING_COLUMNS' ? values.slice(0, 4) : values), row);
  });
  return { file: file.file(), records };
}

function recordOf(source: string, line: number, { fields, rejected }: FleetRow): Written<TextFields> {
  return { source, line, fields, ...(rejected === undefined ? {} : { rejected }) };
}
