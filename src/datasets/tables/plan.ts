import type { Manifest } from '../manifest/schema.js';
import type { PlanOptions, TableChange, TablePlan } from './changes.js';
import { planColumns } from './columnPlan.js';
import { EVOLVED_COMMENT, landingColumns } from './columns.js';
import { tableDefinition, type TableOptions } from './definition.js';
import type { ExistingStorage, ExistingTable, ExistingView } from './existing.js';
import { tableProblems } from './fitness.js';
import { allRowsName, qualified, storageName } from './names.js';
import { rememberedOf, type Remembered } from './remembered.js';
import { declaredTtl } from './ttl.js';
import { planTtl } from './ttlPlan.js';
import { allRowsView, readersView } from './views.js';

/**
 * Brings the tables of a dataset in line with its manifest. Every statement can be repeated: one that was made, and of which
 * nobody knows, is not in the next plan. The storage comes first and the view that is queried last, so that it works throughout.
 * A table that has no rows is made again where it can't be altered; it is away for a moment then.
 */
export function planTable(manifest: Manifest, existing: ExistingTable | undefined, options: PlanOptions): TablePlan {
  const problems = tableProblems(manifest);
  if (problems.length > 0) return refused(problems);
  const foreign = foreignNames(manifest, existing);
  if (foreign.length > 0) return refused(foreign);
  const storage = existing?.storage;
  if (storage === undefined) return planned([madeTable(manifest, options)], manifest, existing, options, []);
  const { changes, refusals } = planStorage(manifest, storage, options);
  if (refusals.length === 0) return planned(changes, manifest, existing, options, evolvedNames(manifest, storage));
  if (storage.hasRows) return refused(refusals);
  const emptied = {
    sql: `DROP TABLE IF EMPTY ${qualified(options.database, storageName(manifest.name))}`,
    says: `drops the table ${storageName(manifest.name)}, which has no rows, to make it anew`,
  };
  return planned([emptied, madeTable(manifest, options)], manifest, existing, options, []);
}

/** Columns that runs have added and the manifest does not name. */
export function evolvedNames(manifest: Manifest, { columns }: ExistingStorage): string[] {
  const declared = new Set(landingColumns(manifest).map(({ name }) => name));
  return columns
    .filter(({ name, comment }) => comment === EVOLVED_COMMENT && !declared.has(name))
    .map(({ name }) => name);
}

/** Both views, where they are not as they should be. */
export function planViews(
  manifest: Manifest,
  existing: ExistingTable | undefined,
  { database }: Pick<TableOptions, 'database'>,
  evolved: readonly string[],
): TableChange[] {
  const views = [
    { name: allRowsName(manifest.name), there: existing?.all, wanted: allRowsView(manifest, database, evolved) },
    { name: manifest.name, there: existing?.view, wanted: readersView(manifest, database, evolved) },
  ];
  return views
    .filter(({ there, wanted }) => there?.fingerprint !== wanted.fingerprint)
    .map(({ name, there, wanted }) => ({
      sql: wanted.sql,
      says: `${there === undefined ? 'makes' : 'renews'} the view ${name}`,
    }));
}

function planned(
  changes: TableChange[],
  manifest: Manifest,
  existing: ExistingTable | undefined,
  options: PlanOptions,
  evolved: readonly string[],
): TablePlan {
  return { changes: [...changes, ...planViews(manifest, existing, options, evolved)], refusals: [] };
}

function refused(refusals: string[]): TablePlan {
  return { changes: [], refusals };
}

function madeTable(manifest: Manifest, { database }: PlanOptions): TableChange {
  const { partitionBy, orderBy } = manifest.target;
  const partitions = partitionBy === undefined ? '' : `, partitions of ${partitionBy}`;
  return {
    sql: tableDefinition(manifest, { database }).storage,
    says: `makes the table ${storageName(manifest.name)}: ${landingColumns(manifest).length} columns${partitions}, in the order of ${orderBy.join(', ')}`,
  };
}

/** Names that something else has. It is never replaced. */
function foreignNames({ name }: Manifest, existing: ExistingTable | undefined): string[] {
  const { storage, all, view } = existing ?? {};
  const isTaken = (there: ExistingView | undefined): boolean => there !== undefined && there.fingerprint === undefined;
  return [
    ...(storage && storage.remembered?.dataset !== name ? [storageName(name)] : []),
    ...(isTaken(all) ? [allRowsName(name)] : []),
    ...(isTaken(view) ? [name] : []),
  ].map((taken) => `${taken} is there and is not this dataset's: give the dataset another name, or rename that`);
}

function planStorage(manifest: Manifest, storage: ExistingStorage, options: PlanOptions): TablePlan {
  const columns = planColumns(manifest, storage, options);
  const ttl = planTtl(manifest, declaredTtl(manifest), storage, options);
  return {
    changes: [...columns.changes, ...ttl.changes],
    refusals: [...fixedDifferences(manifest, storage), ...columns.refusals, ...ttl.refusals],
  };
}

/** What no ALTER changes. */
function fixedDifferences(manifest: Manifest, { remembered, partitionKey, sortingKey }: ExistingStorage): string[] {
  if (remembered === undefined) return [];
  const wanted = rememberedOf(manifest);
  const list = (names: readonly string[] | null): string => names?.join(', ') ?? 'all columns';
  const differs = (part: keyof Remembered): boolean =>
    JSON.stringify(remembered[part]) !== JSON.stringify(wanted[part]);
  const advice = `keep it, or land the rows in a dataset with another name`;
  return [
    ...(differs('mode') ? [`target.mode: rows are there as ${remembered.mode}, not ${wanted.mode}: ${advice}`] : []),
    ...(differs('key')
      ? [
          `target.key: rows that are there were told apart by ${list(remembered.key)}, not ${list(wanted.key)}: ${advice}`,
        ]
      : []),
    ...(differs('partitionBy')
      ? [`target.partitionBy: the table is partitioned by ${partitionKey || 'nothing'}: ${advice}`]
      : []),
    ...(differs('orderBy') ? [`target.orderBy: the table is in the order of ${sortingKey}: ${advice}`] : []),
  ];
}
