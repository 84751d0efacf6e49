import type { Manifest } from '../manifest/schema.js';
import type { PlanOptions, TableChange, TablePlan } from './changes.js';
import { EVOLVED_COMMENT, EVOLVED_TYPE_TEXT } from './columns.js';
import type { ExistingStorage, ExistingTable } from './existing.js';
import { identifier, literal, qualified, storageName } from './names.js';
import { evolvedNames, planViews } from './plan.js';

/** As many as one run adds at most. */
const MOST_ADDED = 100;
/** A dot would be a part of a column, and what begins with _ is Penstock's and ClickHouse's own. */
const NAME = /^(?!_)[^.`"'\\\p{Cc}]{1,127}$/u;

/**
 * Adds columns that the source has and the manifest does not name (`schema.newColumns: evolve`), as Nullable(String). Those
 * that are there already are left; the view shows all. A name that no column can have is refused, the others are added:
 * unlike with `planTable`, there may be both. Two plans may be made at once: the later view may lack the earlier one's
 * columns until the next plan.
 */
export function addColumns(
  manifest: Manifest,
  existing: ExistingTable,
  names: readonly string[],
  { database }: Pick<PlanOptions, 'database'>,
): TablePlan {
  const { storage } = existing;
  if (storage === undefined) return { changes: [], refusals: [`there is no table ${storageName(manifest.name)}`] };
  const evolved = evolvedNames(manifest, storage);
  const { added, refusals } = addable(manifest, storage, names);
  const changes = added.map((name): TableChange => ({
    sql:
      `ALTER TABLE ${qualified(database, storageName(manifest.name))} ADD COLUMN IF NOT EXISTS ` +
      `${identifier(name)} ${EVOLVED_TYPE_TEXT} COMMENT ${literal(EVOLVED_COMMENT)}`,
    says: `adds column ${name} ${EVOLVED_TYPE_TEXT}, which is new in the source`,
  }));
  return {
    changes: [...changes, ...planViews(manifest, existing, { database }, [...evolved, ...added])],
    refusals,
  };
}

/** Which columns can be added, and why others can't. Undefined `storage`: to a table that is yet to be made. */
export function addable(
  manifest: Manifest,
  storage: ExistingStorage | undefined,
  names: readonly string[],
): { added: string[]; refusals: string[] } {
  const evolved = storage === undefined ? [] : evolvedNames(manifest, storage);
  const wanted = [...new Set(names)].filter((name) => !evolved.includes(name));
  const problems = wanted.slice(0, MOST_ADDED).map((name) => ({ name, problem: problemOf(manifest, storage, name) }));
  return {
    added: problems.filter(({ problem }) => problem === undefined).map(({ name }) => name),
    refusals: [
      ...problems.flatMap(({ name, problem }) =>
        problem === undefined ? [] : [`${JSON.stringify(name)}: ${problem}`],
      ),
      ...(wanted.length > MOST_ADDED ? [`${wanted.length} new columns: ${MOST_ADDED} are added at a time`] : []),
    ],
  };
}

function problemOf({ columns }: Manifest, storage: ExistingStorage | undefined, name: string): string | undefined {
  if (!NAME.test(name)) return 'no column can have this name: name it in the manifest, with from';
  const isTaken = columns.some((column) => column.name === name || column.from === name);
  if (isTaken || storage?.columns.some((column) => column.name === name))
    return 'a column of the manifest or the table has this name: name it in the manifest, with from';
  return undefined;
}
