/** What the HTTP layer must know of output formats; names are compared without regard to case. */

/**
 * Row formats without header, footer or separator: pieces formatted one by one are the same bytes as the whole, so
 * results are streamed. All other formats are formatted at once (bounded by max_result_bytes).
 */
const STREAMED = names(
  'TabSeparated TSV TabSeparatedRaw TSVRaw Raw CSV TSKV JSONEachRow JSONLines NDJSON JSONStringsEachRow',
  'JSONCompactEachRow JSONCompactStringsEachRow RowBinary Native Null',
);

export function isStreamed(format: string): boolean {
  return STREAMED.has(format.toLowerCase());
}

/** The Content-Type that ClickHouse sends with a format. */
export function contentType(format: string): string {
  const name = format.toLowerCase();
  if (/^(json.*eachrow.*|jsonlines|ndjson)$/.test(name)) return 'application/x-ndjson; charset=UTF-8';
  if (name.startsWith('json')) return 'application/json; charset=UTF-8';
  if (/^(tabseparated|tsv|tskv)/.test(name)) return 'text/tab-separated-values; charset=UTF-8';
  if (name === 'csv') return 'text/csv; charset=UTF-8; header=absent';
  if (name.startsWith('csv')) return 'text/csv; charset=UTF-8; header=present';
  if (name === 'xml') return 'application/xml; charset=UTF-8';
  if (/^(rowbinary|native|parquet|arrow|orc|avro|msgpack|protobuf|npy|bson)/.test(name))
    return 'application/octet-stream';
  return 'text/plain; charset=UTF-8';
}

function names(...lists: string[]): ReadonlySet<string> {
  return new Set(lists.join(' ').toLowerCase().split(' '));
}
