import type { Manifest } from '../../datasets/index.js';

/** Where a manifest names another dataset. */
export interface DatasetReference {
  path: readonly PropertyKey[];
  dataset: string;
  /** Columns of it that are named. */
  columns: readonly string[];
}

/** Lookups and checks that need the rows of another dataset. */
export function referencesOf({ enrich, checks }: Manifest): DatasetReference[] {
  const lookups = enrich.flatMap(({ lookup, on, take }, index): DatasetReference[] =>
    'dataset' in lookup
      ? [
          {
            path: ['enrich', index, 'lookup', 'dataset'],
            dataset: lookup.dataset,
            columns: [...Object.values(on), ...Object.values(take)],
          },
        ]
      : [],
  );
  const references = checks.columns.flatMap(({ reference }, index): DatasetReference[] =>
    reference === undefined
      ? []
      : [
          {
            path: ['checks', 'columns', index, 'reference', 'dataset'],
            dataset: reference.dataset,
            columns: [reference.column],
          },
        ],
  );
  return [...lookups, ...references];
}
