import { UnfitManifestError } from './errors.js';

/** Names of what a dataset has in ClickHouse, and how names and texts are written in SQL. */

/** Rows of all loads, published or not. */
export function storageName(dataset: string): string {
  return `${dataset}__rows`;
}

/** A view of all of them, for the view that readers query. */
export function allRowsName(dataset: string): string {
  return `${dataset}__all`;
}

const SUFFIX = /^[A-Za-z0-9_]{1,64}$/;

/** Table that a run stages in. The suffix is letters, digits and underscores; throws UnfitManifestError for another. */
export function stagingName(dataset: string, suffix: string): string {
  if (!SUFFIX.test(suffix)) throw new UnfitManifestError([`the suffix ${JSON.stringify(suffix)} is no part of a name`]);
  return `${dataset}__staging_${suffix}`;
}

/** Table of the rows that a run set aside. */
export function quarantineName(dataset: string, suffix: string): string {
  return `${stagingName(dataset, suffix)}_quarantine`;
}

/** Columns of the storage that no manifest declares, in their order. `_publication` is there with mode replace only. */
export const HIDDEN_COLUMNS = ['_load', '_publication', '_key', '_source', '_line'] as const;
/** Those of them that readers see: where a row is from, and which load brought it. */
export const LINEAGE_COLUMNS = ['_source', '_line', '_load'] as const;

/** An identifier, always quoted. */
export function identifier(name: string): string {
  return `\`${escaped(name).replaceAll('`', '\\`')}\``;
}

/** A text as a literal. */
export function literal(text: string): string {
  return `'${escaped(text).replaceAll("'", "\\'")}'`;
}

export function qualified(database: string, table: string): string {
  return `${identifier(database)}.${identifier(table)}`;
}

/** As ClickHouse writes them itself. A zero byte as it is would end the statement. */
const ESCAPES: Readonly<Record<string, string>> = {
  ...{ '\\': '\\\\', '\0': '\\0', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t' },
};

function escaped(text: string): string {
  return Array.from(text, (character) => ESCAPES[character] ?? character).join('');
}
