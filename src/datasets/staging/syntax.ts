import { z } from 'zod';
import type { Session } from './engine.js';
import { StagingError } from './errors.js';
import { literal } from './sql.js';

/** What an expression is made of that was read by DuckDB's own parser. */
export interface Syntax {
  /** Columns that it names, as it writes them. */
  columns: string[];
}

/** Kinds of DuckDB's nodes that compute a value of one row from values of that row. */
const OF_A_ROW = new Set([
  'BETWEEN',
  'CASE',
  'CAST',
  'COLLATE',
  'COLUMN_REF',
  'COMPARISON',
  'CONJUNCTION',
  'CONSTANT',
  'FUNCTION',
  'LAMBDA',
  'OPERATOR',
]);

/** DuckDB takes these for functions of their arguments alone; they are of the clock, the session or the catalog. */
const NOT_OF_A_ROW = new Set([
  'age',
  'current_localtime',
  'current_localtimestamp',
  'current_setting',
  'getvariable',
  'json_serialize_plan',
  'version',
]);

const nodeSchema = z.looseObject({ class: z.string(), query_location: z.number().optional() });
const columnSchema = z.looseObject({ column_names: z.array(z.string()) });
const functionSchema = z.looseObject({ function_name: z.string() });
const lambdaSchema = z.looseObject({ lhs: z.unknown(), expr: z.unknown() });
const treeSchema = z.object({
  statements: z.tuple([
    z.object({
      node: z.looseObject({
        type: z.literal('SELECT_NODE'),
        modifiers: z.tuple([]),
        cte_map: z.object({ map: z.tuple([]) }),
        select_list: z.tuple([z.unknown()]),
        from_table: z.looseObject({ type: z.literal('EMPTY') }),
        where_clause: z.null(),
        group_expressions: z.tuple([]),
        having: z.null(),
        sample: z.null(),
        qualify: z.null(),
      }),
    }),
  ]),
});

/**
 * Reads an expression of a manifest's author. Throws StagingError, beginning with `where`, unless it is one expression
 * that computes a value of a row from that row alone: no subquery, no table, no aggregate, nothing that is another value
 * at another time, so that a piece that is staged twice is the same twice.
 */
export async function readExpression(sql: string, where: string, session: Session): Promise<Syntax> {
  const refuse = (why: string): never => {
    throw new StagingError(`${where}: ${why}: ${sql}`);
  };
  // On lines of its own: a comment at its end ends there.
  const answer = String(await session.value(`SELECT json_serialize_sql(${literal(`SELECT (\n${sql}\n)`)})`));
  const parsed: unknown = JSON.parse(answer);
  const failed = z.object({ error: z.literal(true), error_message: z.string() }).safeParse(parsed);
  if (failed.success) return refuse(failed.data.error_message);
  const tree = treeSchema.safeParse(parsed);
  if (!tree.success) return refuse('this is not one expression');
  const found: Found = { columns: new Set(), functions: new Set() };
  collect(tree.data.statements[0].node.select_list[0], new Set(), found, refuse);
  await checkFunctions([...found.functions], session, refuse);
  return { columns: [...found.columns] };
}

interface Found {
  columns: Set<string>;
  functions: Set<string>;
}

function collect(node: unknown, parameters: ReadonlySet<string>, found: Found, refuse: (why: string) => never): void {
  if (Array.isArray(node)) {
    for (const one of node) collect(one, parameters, found, refuse);
    return;
  }
  if (typeof node !== 'object' || node === null) return;
  const { success, data } = nodeSchema.safeParse(node);
  if (success && !OF_A_ROW.has(data.class)) refuse(`${data.class.toLowerCase().replaceAll('_', ' ')} is not allowed`);
  if (success && data.class === 'COLUMN_REF') {
    const names = columnSchema.parse(node).column_names;
    const [name = ''] = names;
    if (parameters.has(name)) return;
    if (names.length > 1) refuse(`${names.join('.')}: name a column alone, without a table`);
    found.columns.add(name);
    return;
  }
  if (success && data.class === 'LAMBDA') {
    const { lhs, expr } = lambdaSchema.parse(node);
    const own: Found = { columns: new Set(), functions: new Set() };
    collect(lhs, new Set(), own, refuse);
    collect(expr, new Set([...parameters, ...own.columns]), found, refuse);
    return;
  }
  if (success && data.class === 'FUNCTION') found.functions.add(functionSchema.parse(node).function_name);
  for (const value of Object.values(node)) collect(value, parameters, found, refuse);
}

/** Plain functions alone: no aggregates, no macros (which look into the catalog), none whose value changes. */
async function checkFunctions(names: string[], session: Session, refuse: (why: string) => never): Promise<void> {
  if (names.length === 0) return;
  const lower = names.map((name) => name.toLowerCase());
  const rows = await session.rows(
    `SELECT DISTINCT function_name, function_type, stability FROM duckdb_functions() WHERE function_name IN (${lower.map(literal).join(', ')})`,
  );
  for (const name of lower) {
    const known = rows.filter(([of]) => of === name);
    const scalar = known.filter(([, type]) => type === 'scalar');
    if (known.length > 0 && scalar.length === 0) refuse(`${name} is no function of one row`);
    if (NOT_OF_A_ROW.has(name) || scalar.some(([, , stability]) => stability !== 'CONSISTENT'))
      refuse(`${name} is another value at another time; logical_date is the time of the run`);
  }
}
