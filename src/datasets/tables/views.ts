import { createHash } from 'node:crypto';
import type { Manifest } from '../manifest/schema.js';
import { columnDefinition, landingColumns } from './columns.js';
import { typeText } from './columnTypes.js';
import { allRowsName, identifier, LINEAGE_COLUMNS, literal, qualified, storageName } from './names.js';
import { modeOf, type Remembered } from './remembered.js';

/** A view, and a fingerprint of its definition that can be read from it again. */
export interface ViewDefinition {
  sql: string;
  fingerprint: string;
}

/** Which loads a reader sees is said in one table of all datasets, in the same database. */
const LOADS = 'dataset_loads';

/**
 * The view that readers query: rows of published loads. Its one subquery reads `dataset_loads` once, so that a query sees one
 * state of it, and before ClickHouse looks which parts the storage has. The rows of a load are there before it is published;
 * so whoever sees that it is, sees all of its rows. (ClickHouse fixes the parts of a table that a query names when it
 * begins to understand it, before it computes subqueries; of a table in a view of a view it does so afterwards. Hence the
 * view between. `analyzer_inline_views`, off by default, would undo that.)
 *
 * Whoever loads keeps to this: loads and publications are numbers from 1 that grow; a load is in `dataset_loads` as loading
 * before its first row is there, and before any later load is published; what a publication has superseded is dropped
 * some minutes later, when no query that began before it still looks for it.
 *
 * What the subquery says is a constant to the rest of the query: partitions, primary key and PREWHERE work as on the storage.
 */
export function readersView(manifest: Manifest, database: string, evolved: readonly string[]): ViewDefinition {
  const names = [...landingColumns(manifest, evolved).map(({ name }) => name), ...LINEAGE_COLUMNS].map(identifier);
  const columns = [
    ...landingColumns(manifest, evolved).map(({ name, type, comment }) => columnDefinition({ name, type, comment })),
    "`_source` LowCardinality(String) COMMENT 'File or page that the row is from'",
    "`_line` UInt64 COMMENT 'Line of it, from 1'",
    "`_load` UInt64 COMMENT 'Load that brought the row'",
  ];
  const mode = modeOf(manifest.target);
  return view(
    qualified(database, manifest.name),
    (definition) =>
      `(${columns.join(', ')}) AS WITH ${definition}, (${visible(mode, manifest.name, database)}) AS _visible ` +
      `SELECT ${names.join(', ')} FROM ${qualified(database, allRowsName(manifest.name))} WHERE ${CONDITIONS[mode]}` +
      (manifest.description === undefined ? '' : ` COMMENT ${literal(manifest.description)}`),
  );
}

/** All rows of the storage, with what tells which are visible. It says its types: those it began with would cut wider values. */
export function allRowsView(manifest: Manifest, database: string, evolved: readonly string[]): ViewDefinition {
  const columns = {
    ...Object.fromEntries(landingColumns(manifest, evolved).map(({ name, type }) => [name, typeText(type)])),
    ...{ _source: 'LowCardinality(String)', _line: 'UInt64', _load: 'UInt64' },
    ...TELLING[modeOf(manifest.target)],
  };
  return view(
    qualified(database, allRowsName(manifest.name)),
    (definition) =>
      `(${Object.entries(columns)
        .map(([name, type]) => `${identifier(name)} ${type}`)
        .join(', ')}) AS WITH ${definition} ` +
      `SELECT ${Object.keys(columns).map(identifier).join(', ')} FROM ${qualified(database, storageName(manifest.name))}`,
  );
}

const TELLING: Readonly<Record<Remembered['mode'], Record<string, string>>> = {
  append: {},
  'replace all': { _publication: 'UInt64' },
  'replace partitions': { _partition_id: 'LowCardinality(String)' },
};

/**
 * Of `_visible`: .1 the latest published load, .2 loads before it that are not published, .3 what is the newest. A list of what
 * is not visible, since that is short: comparing with the latest costs 2 ns a row, looking up in a list of many 5 ns.
 */
const SHOWN_LOADS = '_load <= _visible.1 AND _load NOT IN (_visible.2)';
const CONDITIONS: Readonly<Record<Remembered['mode'], string>> = {
  append: SHOWN_LOADS,
  'replace all': `_publication = _visible.3 AND ${SHOWN_LOADS}`,
  'replace partitions': `_partition_id IN (_visible.3) AND ${SHOWN_LOADS}`,
};

/** One row with one tuple. A load's status is its greatest one: what was abandoned can't be published any more. */
function visible(mode: Remembered['mode'], dataset: string, database: string): string {
  const loads =
    `SELECT load, max(status) AS last, max(publication) AS run, argMax(partitions, status) AS names, ` +
    `argMax(partition_ids, status) AS ids FROM ${qualified(database, LOADS)} ` +
    `WHERE dataset = ${literal(dataset)} GROUP BY load`;
  const top = `maxIf(load, last = 'published') AS top`;
  const hidden = (all: string): string => `arrayFilter(one -> one < top, ${all})`;
  const unpublished = `groupArrayIf(load, last != 'published')`;
  switch (mode) {
    case 'append':
      return `SELECT (${top}, ${hidden(unpublished)}) FROM (${loads})`;
    case 'replace all':
      return `SELECT (${top}, ${hidden(unpublished)}, maxIf(run, last = 'published')) FROM (${loads})`;
    case 'replace partitions': {
      // LEFT: a load without partitions still counts for the latest, and for those that are not published.
      const partitions =
        `SELECT maxIf(load, last = 'published') AS latest, ${unpublished} AS others, ` +
        `argMaxIf(id, run, last = 'published' AND id != '') AS newest ` +
        `FROM (${loads}) LEFT ARRAY JOIN names AS name, ids AS id GROUP BY name`;
      return (
        `SELECT (max(latest) AS top, ${hidden('groupUniqArrayArray(others)')}, groupArrayIf(newest, newest != '')) ` +
        `FROM (${partitions})`
      );
    }
  }
}

/** The fingerprint is a text that the SELECT names and nothing uses, since ClickHouse rewrites what a view is made of. */
function view(name: string, body: (definition: string) => string): ViewDefinition {
  const fingerprint = createHash('sha256').update(body('')).digest('hex').slice(0, 16);
  return { sql: `CREATE OR REPLACE VIEW ${name} ${body(`'penstock ${fingerprint}' AS _definition`)}`, fingerprint };
}

/** Undefined: the view is none of Penstock's. */
export function readFingerprint(select: string): string | undefined {
  return /'penstock ([0-9a-f]{16})' AS _definition/.exec(select)?.[1];
}
