import { stringify } from 'yaml';
import { parseManifest, type Manifest } from '../../../../src/datasets/index.js';
import type { ExistingTable } from '../../../../src/datasets/tables/index.js';
import { landingColumns } from '../../../../src/datasets/tables/columns.js';
import { typeText } from '../../../../src/datasets/tables/columnTypes.js';
import { rememberedOf } from '../../../../src/datasets/tables/remembered.js';
import { declaredTtl, dropsWholeParts } from '../../../../src/datasets/tables/ttl.js';
import { allRowsView, readersView } from '../../../../src/datasets/tables/views.js';

export const DATABASE = 'shop';

export interface Column {
  type: string;
  [key: string]: unknown;
}

export const COLUMNS: Readonly<Record<string, Column>> = {
  id: { type: 'UInt64' },
  at: { type: 'DateTime64(3)' },
  region: { type: 'String' },
};
export const TARGET = { mode: 'append', key: ['id'], partitionBy: 'toYYYYMM(at)', orderBy: ['region', 'at'] };

export function manifestOf({
  target = {},
  columns = {},
  ...more
}: { target?: object; columns?: Record<string, Column>; name?: string } = {}): Manifest {
  const manifest = {
    ...{ version: 'penstock/v1', name: 'orders' },
    source: { type: 'objects', bucket: 'shop-exports', match: ['*.json'] },
    format: { type: 'json' },
    columns: Object.entries({ ...COLUMNS, ...columns }).map(([name, column]) => ({ name, ...column })),
    target: { ...TARGET, ...target },
    ...more,
  };
  return parseManifest(stringify(manifest), 'orders.yaml').manifest;
}

/** What readTable gives after the plan of a manifest was made and rows have landed. */
export function madeOf(manifest: Manifest, { hasRows = true, evolved = [] as string[] } = {}): ExistingTable {
  const ttl = declaredTtl(manifest);
  const hidden = { _load: 'UInt64', _key: 'UInt128', _source: 'LowCardinality(String)', _line: 'UInt64' };
  return {
    storage: {
      columns: [
        ...landingColumns(manifest, evolved).map(({ name, type, comment, codec }) => ({
          ...{ name, type: typeText(type), comment },
          ...(codec !== undefined && { codec }),
        })),
        ...Object.entries(hidden).map(([name, type]) => ({ name, type, comment: '' })),
      ],
      remembered: rememberedOf(manifest),
      partitionKey: manifest.target.partitionBy ?? '',
      sortingKey: manifest.target.orderBy.join(', '),
      ...(ttl && { ttl }),
      dropsWholeParts: dropsWholeParts(manifest),
      hasRows,
    },
    all: { fingerprint: allRowsView(manifest, DATABASE, evolved).fingerprint },
    view: { fingerprint: readersView(manifest, DATABASE, evolved).fingerprint },
  };
}
