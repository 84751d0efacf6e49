import { stringify } from 'yaml';
import type { Variant } from './variant.js';
import { filePattern } from './write.js';

/** Where the fleet's data lies. */
export interface FleetPlaces {
  bucket: string;
  /** An absolute path. */
  folder: string;
  /** Like http://127.0.0.1:4711. */
  apiUrl: string;
}

/** Records of a page. */
export const FLEET_PAGE_SIZE = 60;

/** The manifest of a dataset of the fleet, as YAML. Without its schedule it runs by hand. */
export function fleetManifest(variant: Variant, places: FleetPlaces, isScheduled = true): string {
  const { name, isGerman, schedule } = variant;
  const number = isGerman ? { clean: [{ number: { decimal: ',', group: '.' } }] } : {};
  return stringify({
    version: 'penstock/v1',
    name,
    description: `${variant.format} by ${variant.source}, ${variant.mode}`,
    owner: 'load test',
    source: sourceOf(variant, places),
    format: formatOf(variant),
    columns: [
      { name: 'at', type: 'DateTime64(3)', codec: 'Delta, ZSTD(1)' },
      { name: 'id', type: 'UInt64', codec: 'Delta, ZSTD(1)' },
      { name: 'kind', type: 'LowCardinality(String)', clean: ['trim', 'lower'] },
      { name: 'amount', type: 'Decimal(18, 2)', unit: 'EUR', ...number, codec: 'ZSTD(1)' },
      { name: 'quantity', type: 'UInt32', default: 1, codec: 'ZSTD(1)' },
      { name: 'note', type: 'Nullable(String)', codec: 'ZSTD(1)' },
    ],
    checks: {
      rows: [{ name: 'some', expression: 'quantity > 0' }],
      columns: variant.isUnique ? [{ column: 'id', unique: true }] : [],
      maxQuarantined: '30 %',
    },
    target: targetOf(variant),
    ...(isScheduled ? { schedule: 'cron' in schedule ? schedule : { every: `${schedule.everySeconds}s` } } : {}),
  });
}

function sourceOf(variant: Variant, { bucket, folder, apiUrl }: FleetPlaces): object {
  const { name, source, format, pagination, mode } = variant;
  const match = { match: [filePattern(variant)], select: mode === 'replace all' ? 'all' : 'new' };
  switch (source) {
    case 'objects':
      return { type: 'objects', bucket, ...match };
    case 'files':
      return { type: 'files', folder, ...match };
    case 'http':
      return {
        ...{ type: 'http', url: `${apiUrl}/v1/${name}`, requestsPerSecond: 100 },
        pagination: paginationOf(pagination),
        ...(format === 'json' ? { records: 'items' } : {}),
      };
  }
}

function paginationOf(pagination: Variant['pagination']): object {
  const size = { sizeParameter: 'limit', size: FLEET_PAGE_SIZE };
  switch (pagination) {
    case 'none':
      return { type: 'none' };
    case 'page':
      return { type: 'page', ...size };
    case 'cursor':
      return { type: 'cursor', next: 'next', ...size };
  }
}

function formatOf({ source, format, isGerman }: Variant): object {
  if (format === 'csv' || format === 'tsv') return { type: format, ...(isGerman ? { delimiter: ';' } : {}) };
  return { type: format, ...(format === 'json' && source !== 'http' ? { records: 'items' } : {}) };
}

function targetOf({ mode, hasKey }: Variant): object {
  const rows = { ...(hasKey ? { key: ['at', 'id'] } : {}), partitionBy: 'toYYYYMM(at)', orderBy: ['kind', 'at', 'id'] };
  if (mode === 'append') return { mode, ...rows, ttl: { column: 'at', after: '3653d' } };
  return { mode: 'replace', replace: mode === 'replace all' ? 'all' : 'partitions', ...rows };
}
