import type { DuckDBType } from '@duckdb/node-api';
import type { Session } from './engine.js';
import { StagingError } from './errors.js';
import type { Pipeline } from './pipeline.js';
import { identifier } from './sql.js';
import { readExpression } from './syntax.js';

/** A column that an expression may name. */
export interface Visible {
  name: string;
  /** SQL of its value, and its type of DuckDB. */
  seen: string;
  seenType: string;
  /** SQL that is true where the column is what it should be; undefined: always. */
  isSound?: string;
  /** What is computed from it is no one's business. */
  isPersonal: boolean;
}

export interface Expression {
  /** SQL of what it is: NULL where it failed, else a struct with the value in `v`. */
  result: string;
  type: DuckDBType;
  uses: Visible[];
}

/** What every expression sees beside the columns: the date that the run is for, in UTC. */
export const LOGICAL_DATE = 'logical_date';

/** Puts an expression into the pipeline. Throws StagingError where it is wrong; where one row makes it fail, that row tells. */
export async function expression(
  sql: string,
  where: string,
  columns: readonly Visible[],
  pipeline: Pipeline,
  session: Session,
): Promise<Expression> {
  const { columns: named } = await readExpression(sql, where, session);
  const uses = named.map((name) => visible(name, columns, where));
  const types = uses.map(({ seenType }, index) => `CAST(NULL AS ${seenType}) AS ${identifier(named[index] ?? '')}`);
  const from = types.length === 0 ? '' : ` FROM (SELECT ${types.join(', ')})`;
  // On lines of its own: a comment at its end ends there.
  const value = `(\n${sql}\n)`;
  const result = `TRY(struct_pack(v := ${value}))`;
  const described = await session
    .describe(`SELECT ${value} AS v, ${result} AS tried${from}`)
    .catch((error: unknown) => {
      throw new StagingError(`${where}: ${error instanceof Error ? error.message : String(error)}: ${sql}`, {
        cause: error,
      });
    });
  const type = described[0]?.type;
  if (type === undefined) throw new StagingError(`${where}: DuckDB gives it no type: ${sql}`);
  const aliases = new Map(uses.map(({ seen }, index) => [named[index] ?? '', seen]));
  return { result: pipeline.author(result, aliases), type, uses };
}

/** DuckDB takes ID for id: where both are there, neither can be named. */
function visible(name: string, columns: readonly Visible[], where: string): Visible {
  const found = columns.filter((column) => column.name.toLowerCase() === name.toLowerCase());
  const [first, second] = found;
  if (first === undefined) {
    const names = columns.map((column) => column.name);
    throw new StagingError(`${where}: there is no column ${name} before it; there are ${names.join(', ')}`);
  }
  if (second !== undefined)
    throw new StagingError(
      `${where}: ${first.name} and ${second.name} differ in capitals alone, which no expression can tell`,
    );
  return first;
}
