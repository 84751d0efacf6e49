import { loadConfig } from '../../config/index.js';
import { readTables, TablesError, TablesFileError, type TopicTable } from '../../tables/index.js';
import { createTable } from '../table.js';
import { UsageError } from '../verb.js';

/** What `penstock tables check --json` prints. Fields are only added. */
export interface CheckReport {
  /** The file can be used. */
  ok: boolean;
  file: string;
  /** Field, what is there, and what should be. */
  problems: readonly string[];
  /** In the order of the file. */
  tables: readonly TopicTable[];
}

/** Throws UsageError for a file that is not named or can't be read. */
export async function checkTables(named: string | undefined, environment: NodeJS.ProcessEnv): Promise<CheckReport> {
  const { PENSTOCK_SINK_TABLES_FILE, PENSTOCK_CLICKHOUSE_DATABASE } = loadConfig(environment);
  const file = named ?? PENSTOCK_SINK_TABLES_FILE;
  if (file === undefined)
    throw new UsageError(
      "Name a file, or set PENSTOCK_SINK_TABLES_FILE. Without one the sink writes Penstock's own topics alone.",
    );
  try {
    return { ok: true, file, problems: [], tables: await readTables(file, PENSTOCK_CLICKHOUSE_DATABASE) };
  } catch (error) {
    if (error instanceof TablesError) return { ok: false, file, problems: error.problems, tables: [] };
    throw error instanceof TablesFileError ? new UsageError(error.message) : error;
  }
}

/** What a check found, for a person. */
export function checkText({ ok, file, problems, tables }: CheckReport): string {
  if (!ok) return ['This file can not be used:', ...problems.map((problem) => `  ${file}: ${problem}`)].join('\n');
  const shown = createTable(['topic', 'table', 'columns', 'other fields', 'most rows', 'every']);
  for (const { topic, table, columns, position, unknownFields, maxRows, everyMs } of tables) {
    const filled = columns?.join(', ') ?? 'those of the object';
    shown.push([
      ...[topic, table, position ? `${filled}, and its position` : filled],
      ...[unknownFields, maxRows === undefined ? 'default' : String(maxRows), `${everyMs} ms`],
    ]);
  }
  return shown.toString();
}
