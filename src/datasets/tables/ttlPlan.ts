import type { Manifest } from '../manifest/schema.js';
import type { ExistingStorage } from './existing.js';
import { qualified, storageName } from './names.js';
import type { PlanOptions, TableChange, TablePlan } from './changes.js';
import { dropsWholeParts, secondsText, ttlExpression, type TimeToLive } from './ttl.js';

/** How long rows are kept. To keep them shorter, or by another column, is refused unless deleting is allowed. */
export function planTtl(
  manifest: Manifest,
  wanted: TimeToLive | undefined,
  { ttl: there, dropsWholeParts: dropsNow }: ExistingStorage,
  { database, allowDelete = false }: PlanOptions,
): TablePlan {
  const alter = `ALTER TABLE ${qualified(database, storageName(manifest.name))}`;
  const changes: TableChange[] = [];
  if (dropsWholeParts(manifest) !== dropsNow)
    changes.push(
      dropsNow
        ? { sql: `${alter} RESET SETTING ttl_only_drop_parts`, says: 'deletes rows by ttl one by one' }
        : {
            sql: `${alter} MODIFY SETTING ttl_only_drop_parts = 1`,
            says: 'drops parts by ttl, when all of one is old',
          },
    );
  if (wanted === undefined) {
    if (there !== undefined) changes.push({ sql: `${alter} REMOVE TTL`, says: `keeps rows for ever (${said(there)})` });
    return { changes, refusals: [] };
  }
  if (isSame(there, wanted)) return { changes, refusals: [] };
  if (!allowDelete && !isLonger(there, wanted))
    return {
      changes: [],
      refusals: [
        `target.ttl: rows are deleted ${secondsText(wanted.seconds)} after ${wanted.column} (${said(there)}): allow that rows are deleted, or keep them as long as now`,
      ],
    };
  changes.push({
    sql: `${alter} MODIFY TTL ${ttlExpression(manifest, wanted)}`,
    says: `keeps rows until ${secondsText(wanted.seconds)} after ${wanted.column} (${said(there)})`,
  });
  return { changes, refusals: [] };
}

function isSame(there: ExistingStorage['ttl'], wanted: TimeToLive): boolean {
  return typeof there === 'object' && there.column === wanted.column && there.seconds === wanted.seconds;
}

function isLonger(there: ExistingStorage['ttl'], wanted: TimeToLive): boolean {
  return typeof there === 'object' && there.column === wanted.column && there.seconds <= wanted.seconds;
}

function said(there: ExistingStorage['ttl']): string {
  if (there === undefined) return 'for ever so far';
  return there === 'other' ? 'otherwise so far' : `${secondsText(there.seconds)} after ${there.column} so far`;
}
