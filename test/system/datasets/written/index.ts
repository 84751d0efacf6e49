export { CsvFile, gzipped, PLAIN_CSV, type CsvStyle, type Encoding } from './csv.js';
export { parquetBytes, zstdLines } from './duckdb.js';
export { at, isList, JsonNumber, jsonText, textOf, type Json, type JsonObject } from './json.js';
export { type CutReason, type Reason, type SourceFile, type TextFields, type Version, type Written } from './record.js';
