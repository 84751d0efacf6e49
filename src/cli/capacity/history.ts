import { createLogger, reasonOf } from '../../telemetry/index.js';
import { createWarehouse } from '../../warehouse/index.js';
import { findStack } from '../findStack.js';
import { createTable } from '../table.js';
import { EXIT, UsageError, VerbError } from '../verb.js';
import type { HistoryFlags } from './index.js';
import { valueText } from './text.js';

const MOST = 1_000;

/** A row of the view `capacity_changes`; times are ISO 8601. */
interface Row {
  changed_at: string;
  in_force_at: string | null;
  who: string;
  why: string;
  kind: string;
  model: string;
  before: string;
  after: string;
  id: string;
}

/** Lists the changes that are in ClickHouse, latest first, and returns the exit code. */
export async function history({ dataDir, json, last }: HistoryFlags): Promise<number> {
  const limit = /^\d{1,4}$/.test(last) ? Number(last) : 0;
  if (limit < 1 || limit > MOST) throw new UsageError(`--last '${last}': a whole number from 1 to ${MOST}`);
  const { config } = await findStack(dataDir);
  const warehouse = createWarehouse(config, createLogger('capacity', 'silent'));
  try {
    const changes = await warehouse
      .query<Row>(
        `SELECT toString(changed_at) AS changed_at, toString(in_force_at) AS in_force_at, who, why, kind, model, before,
           after, id
         FROM capacity_changes AS c ORDER BY c.changed_at DESC, id DESC LIMIT {limit:UInt32}`,
        { limit },
      )
      .catch((error: unknown) => {
        throw new VerbError(`ClickHouse: ${reasonOf(error)}`);
      });
    const inIso = changes.map((row) => ({
      ...row,
      changed_at: iso(row.changed_at),
      in_force_at: row.in_force_at === null ? null : iso(row.in_force_at),
    }));
    process.stdout.write(json ? `${JSON.stringify({ changes: inIso }, undefined, 2)}\n` : `${table(inIso)}\n`);
    return EXIT.ok;
  } finally {
    await warehouse.close();
  }
}

const iso = (text: string): string => `${text.replace(' ', 'T')}Z`;

function table(changes: readonly Row[]): string {
  if (changes.length === 0) return 'No change is in the table.';
  const rows = createTable(['changed', 'in force', 'what', 'before', 'after', 'who', 'why']);
  for (const { changed_at, in_force_at, kind, model, before, after, who, why } of changes)
    rows.push([
      changed_at,
      in_force_at ?? 'not yet',
      `${kind} ${model}`.trim(),
      valueText(kind, before),
      valueText(kind, after),
      who,
      why,
    ]);
  return rows.toString();
}
