import { DuckDBTypeId } from '@duckdb/node-api';
import type { DatasetChecks } from '../manifest/rules.js';
import { checkSyntax, constant, type Fault, type Note, type PlannedColumn } from './columns.js';
import type { Session } from './engine.js';
import { StagingError } from './errors.js';
import { expression, type Visible } from './expressions.js';
import type { Pipeline } from './pipeline.js';
import { literal } from './sql.js';

type Action = 'warn' | 'quarantine' | 'fail';

export interface PlannedChecks {
  faults: Fault[];
  notes: Note[];
}

/**
 * Checks of one row, of rows that are sound otherwise. An expression has to be true: nothing, and one that fails on the
 * row, is not. min, max, values and pattern say nothing of a row with nothing in the column; a pattern (RE2) has to fit
 * some part of the text, unless it has ^ and $. Keys, references and shares of a run are checked where all its rows are.
 */
export async function planChecks(
  checks: DatasetChecks,
  visible: readonly Visible[],
  columns: ReadonlyMap<string, PlannedColumn>,
  isSound: string,
  pipeline: Pipeline,
  session: Session,
): Promise<PlannedChecks> {
  const planned: PlannedChecks = { faults: [], notes: [] };
  const add = (name: string, action: Action, fails: string, sentence: string): void => {
    const broken = `${isSound} AND (${fails})`;
    if (action === 'warn') planned.notes.push({ sql: pipeline.name(broken), kind: 'warned', name });
    else {
      const told = `concat(${literal(`${action === 'fail' ? '!' : ''}CHECK ${name}: `)}, ${sentence})`;
      planned.faults.push({ sql: pipeline.name(`CASE WHEN ${broken} THEN ${told} END`), subject: name });
    }
  };
  for (const { name, expression: sql, action } of checks.rows) {
    const { result, type } = await expression(sql, `check ${name}`, visible, pipeline, session);
    if (type.typeId !== DuckDBTypeId.BOOLEAN)
      throw new StagingError(`check ${name}: this is ${type.toString()}, and neither true nor false: ${sql}`);
    add(name, action, `${result}.v IS DISTINCT FROM true`, literal(`${sql} does not hold`));
  }
  for (const { column: name, action, min, max, values, pattern } of checks.columns) {
    const column = columns.get(name);
    if (column === undefined) continue;
    const { value, family, type, isPersonal } = column;
    const text = family.text(value);
    const shown = isPersonal ? "'the value'" : `left(${text}, 100)`;
    const of = (limit: string | number): Promise<string> =>
      constant(String(limit), type, `checks.columns: ${name}`, session);
    if (min !== undefined)
      add(name, action, `${value} < ${await of(min)}`, `concat(${shown}, ${literal(` is less than ${min}`)})`);
    if (max !== undefined)
      add(name, action, `${value} > ${await of(max)}`, `concat(${shown}, ${literal(` is more than ${max}`)})`);
    if (values !== undefined) {
      const known = await Promise.all(values.map(of));
      add(name, action, `${value} NOT IN (${known.join(', ')})`, `concat(${shown}, ' is none of its values')`);
    }
    if (pattern === undefined) continue;
    await checkSyntax(`regexp_matches('', ${literal(pattern)})`, `checks.columns: ${name}: pattern`, session);
    add(
      name,
      action,
      `NOT regexp_matches(${text}, ${literal(pattern)})`,
      `concat(${shown}, ${literal(` does not fit ${pattern}`)})`,
    );
  }
  return planned;
}
