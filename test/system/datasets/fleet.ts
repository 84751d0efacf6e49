import type { ApiRoute } from './api.js';
import { FLEET_PAGE_SIZE, fleetManifest, type FleetPlaces } from './fleet/manifest.js';
import { FLEET_COLUMNS, rowsOf } from './fleet/rows.js';
import { fleetRules } from './fleet/rules.js';
import { variantOf, type Variant } from './fleet/variant.js';
import { fileName, jsonOf, writeFile } from './fleet/write.js';
import type { Rules } from './oracle/index.js';
import type { SourceFile, TextFields, Written } from './written/index.js';

export type { FleetPlaces, Variant };

export interface FleetOptions {
  seed: number;
  /** Default: 40. */
  datasets?: number;
  /** Of a version, about. Default: 200. */
  rows?: number;
}

/** What there is of a dataset at a time: files to be put where it reads, or what its API answers from then on. */
export interface FleetVersion {
  /** Empty for http. */
  files: SourceFile[];
  /** For http alone. */
  route?: ApiRoute;
  /** All that a run reads of it. Sources of pages are only the end of what they are called: #page=1. */
  records: Written<TextFields>[];
}

/** A small dataset of the load test. */
export interface FleetDataset {
  /** ds_01 to ds_40. */
  name: string;
  variant: Variant;
  /** How often it runs. */
  schedule: Variant['schedule'];
  /** With its schedule unless that is not wanted. */
  manifest: (places: FleetPlaces, isScheduled?: boolean) => string;
  /** What is new with version 0, 1, 2, …; the same whenever it is asked for. */
  version: (version: number) => Promise<FleetVersion>;
  /** What its runs do; see expectRuns. */
  rules: Rules<TextFields>;
}

/** Path of an API on its server. */
export function fleetPath(name: string): string {
  return `/v1/${name}`;
}

/** Small datasets of all kinds: objects, files and pages of an API, in all formats and modes. */
export function fleetDatasets({ seed, datasets = 40, rows = 200 }: FleetOptions): FleetDataset[] {
  return Array.from({ length: datasets }, (_, index) => {
    const variant = variantOf(index);
    return {
      name: variant.name,
      variant,
      schedule: variant.schedule,
      manifest: (places, isScheduled) => fleetManifest(variant, places, isScheduled),
      version: (version) => versionOf(variant, seed, version, rows),
      rules: fleetRules(variant),
    };
  });
}

async function versionOf(variant: Variant, seed: number, version: number, count: number): Promise<FleetVersion> {
  const rows = rowsOf(variant, seed, version, count);
  if (variant.source !== 'http') {
    const { file, records } = await writeFile(variant, fileName(variant, version), rows);
    return { files: [file], records };
  }
  if (variant.format !== 'json') {
    const { file, records } = await writeFile(variant, '#page=1', rows);
    const text = file.bytes.toString();
    const contentType = variant.format === 'csv' ? 'text/csv' : 'application/x-ndjson';
    return { files: [], route: { records: () => [], page: () => text, contentType }, records };
  }
  const items = rows.map(jsonOf);
  const page: ApiRoute['page'] = (part, next) => `{"items":[${part.join(',')}],"next":${JSON.stringify(next ?? null)}}`;
  return { files: [], route: { records: () => items, page }, records: paged(rows) };
}

function paged(rows: ReturnType<typeof rowsOf>): Written<TextFields>[] {
  return rows.map(({ fields }, at) => ({
    source: `#page=${Math.floor(at / FLEET_PAGE_SIZE) + 1}`,
    line: (at % FLEET_PAGE_SIZE) + 1,
    fields: Object.fromEntries(FLEET_COLUMNS.map((column) => [column, fields[column] ?? null])),
  }));
}
