import type { z } from 'zod';
import { TablesError } from './errors.js';
import { KEYS, OWN_TABLES, tablesFileSchema, type TopicTable } from './schema.js';

/** Reads the text of a file of tables. Throws TablesError that names every field that is wrong. */
export function parseTables(text: string, file: string, database: string): TopicTable[] {
  const value = parseJson(text, file);
  const parsed = tablesFileSchema.safeParse(value);
  if (!parsed.success)
    throw new TablesError(
      file,
      parsed.error.issues.flatMap((issue) => describe(issue, value)),
    );
  const { tables } = parsed.data;
  const problems = contradictions(tables, database);
  if (problems.length > 0) throw new TablesError(file, problems);
  return tables;
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TablesError(file, [`the file: no JSON: ${error instanceof Error ? error.message : String(error)}`]);
  }
}

/** What no schema of one table can say. */
function contradictions(tables: readonly TopicTable[], database: string): string[] {
  return tables.flatMap(({ topic, table, columns }, index) => {
    const problems: string[] = [];
    const [of, name] = table.split('.');
    if (of === database && name !== undefined && OWN_TABLES.includes(name))
      problems.push(`tables[${index}].table: '${table}' is Penstock's own`);
    const earlier = tables.findIndex((other) => other.topic === topic);
    if (earlier < index) problems.push(`tables[${index}].topic: '${topic}', tables[${earlier}] has this topic already`);
    const twice = columns?.find((name, at) => columns.indexOf(name) < at);
    if (twice !== undefined) problems.push(`tables[${index}].columns: '${twice}' is there twice`);
    return problems;
  });
}

/** The field, what is there, and what should be. */
function describe(issue: z.core.$ZodIssue, file: unknown): string[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    const known = path.length === 0 ? KEYS.file : KEYS.table;
    return issue.keys.map((key) => `${nameOf([...path, key])}: no such field; there are ${known.join(', ')}`);
  }
  return [`${nameOf(path)}: ${shown(valueAt(file, path))}should be ${issue.message}`];
}

function nameOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the file';
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .slice(1);
}

function valueAt(file: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce(
    (value, key) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    file,
  );
}

const MOST_SHOWN = 80;

/** Of a list or an object only its field is named. */
function shown(value: unknown): string {
  if (value === undefined) return 'missing, ';
  if (typeof value === 'object' && value !== null) return '';
  const text = typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
  return `${text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text}, `;
}
