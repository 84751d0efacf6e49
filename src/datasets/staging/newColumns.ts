import type { Manifest } from '../manifest/schema.js';
import type { Session } from './engine.js';
import type { Scope } from './pipeline.js';
import { columnsOf, JSON_TEXT, type SourceShape } from './source.js';
import type { SourceTexts } from './sourceTexts.js';
import { listOf, literal, literals } from './sql.js';

/** What becomes of the columns of a source that its manifest does not name. */
export interface NewColumns {
  /** Names in the header; of JSON they are found in the records. */
  names: string[];
  /** Reason and sentence about a row that has something in one. */
  fault?: string;
  /** SQL of those that the table has been given. */
  landing: string[];
  failure?: string;
}

/** So many are told. */
const MOST_NAMES = 100;

/** `used` are the columns of the source that the manifest's are from. */
export function planNewColumns(
  { columns, schema }: Manifest,
  shape: SourceShape,
  used: ReadonlySet<string>,
  evolved: readonly string[],
  texts: SourceTexts,
  orNothing: (text: string) => string,
  scope: Scope,
): NewColumns {
  const landing = evolved.map((name) => {
    const text = texts.top(name);
    return text === undefined ? 'CAST(NULL AS VARCHAR)' : scope.name(orNothing(text));
  });
  const header = columnsOf(shape);
  const names = [...new Set(header)].filter((name) => !used.has(name));
  if (schema.newColumns === 'ignore') return { names: [], landing };
  if (schema.newColumns === 'quarantine') {
    const filled =
      header === undefined
        ? newKeys(used)
        : listOf(
            names.map(
              (name) => `CASE WHEN ${orNothing(texts.top(name) ?? 'NULL')} IS NOT NULL THEN ${literal(name)} END`,
            ),
          );
    const told = scope.name(`list_filter(${filled}, lambda name: name IS NOT NULL)`);
    const sentence = `concat('NEW_COLUMNS the manifest does not name ', array_to_string(${told}[1:10], ', '))`;
    return {
      names,
      landing,
      ...(names.length > 0 || header === undefined ? { fault: `CASE WHEN len(${told}) > 0 THEN ${sentence} END` } : {}),
    };
  }
  const failure = failureOf(names, schema.newColumns, columns);
  return { names: fresh(names, evolved), landing, ...(failure === undefined ? {} : { failure }) };
}

/** Keys at the top of the records of a piece of JSON that the manifest does not name. */
export async function findNewKeys(
  { columns, schema }: Manifest,
  records: string,
  used: ReadonlySet<string>,
  evolved: readonly string[],
  session: Session,
): Promise<Pick<NewColumns, 'names' | 'failure'>> {
  if (schema.newColumns === 'ignore') return { names: [] };
  const keys = `SELECT DISTINCT unnest(TRY(json_keys(${JSON_TEXT}))) AS name FROM (${records})`;
  const known = used.size === 0 ? '' : ` WHERE name NOT IN ${literals([...used])}`;
  const found = await session.rows(
    `SELECT name FROM (${keys})${known} ORDER BY name LIMIT ${MOST_NAMES + evolved.length}`,
  );
  const names = found.map(([name]) => String(name));
  const failure = failureOf(names, schema.newColumns, columns);
  return { names: fresh(names, evolved), ...(failure === undefined ? {} : { failure }) };
}

function failureOf(names: readonly string[], policy: string, columns: Manifest['columns']): string | undefined {
  if (policy === 'freeze' && names.length > 0)
    return `the source has ${names.slice(0, MOST_NAMES).join(', ')}, which the manifest does not name`;
  const taken = names.filter((name) => columns.some((column) => column.name === name));
  if (policy === 'evolve' && taken.length > 0)
    return `the source has ${taken.join(', ')}, and the manifest has another column of that name: add a column that is from it, or ignore new columns`;
  return undefined;
}

/** Those that the table has not yet come first. */
function fresh(names: readonly string[], evolved: readonly string[]): string[] {
  const isKnown = new Set(evolved);
  return [...names.filter((name) => !isKnown.has(name)), ...names.filter((name) => isKnown.has(name))].slice(
    0,
    MOST_NAMES,
  );
}

function newKeys(used: ReadonlySet<string>): string {
  const pointer = "'/' || replace(replace(key, '~', '~0'), '/', '~1')";
  const known = used.size === 0 ? '' : ` AND key NOT IN ${literals([...used])}`;
  return `list_filter(TRY(json_keys(${JSON_TEXT})), lambda key: json_extract_string(${JSON_TEXT}, ${pointer}) IS NOT NULL${known})`;
}
