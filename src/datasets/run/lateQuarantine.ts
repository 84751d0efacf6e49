import type { DatasetChecks } from '../manifest/rules.js';
import { landing } from '../manifest/columns.js';
import type { Manifest } from '../manifest/schema.js';
import { durationMs } from '../manifest/words.js';
import { identifier, literal } from '../tables/index.js';
import type { Scope } from './scope.js';

type ColumnCheck = DatasetChecks['columns'][number];

/** Rows that would be deleted while the run goes on are set aside as well. */
const TTL_MARGIN_S = 3_600;

/** Rows that the table would delete at once: nobody would know where they went. */
export async function setOldAside(scope: Scope, { target, columns }: Manifest): Promise<void> {
  if (target.ttl === undefined) return;
  const { column, after } = target.ttl;
  const seconds = durationMs(after) / 1_000 - TTL_MARGIN_S;
  const isOld = `toDateTime64(${identifier(column)}, 0) <= now() - ${Math.max(0, seconds)}`;
  if ((await scope.count(isOld)) === 0) return;
  const detail = `${column} is older than ${after}, for which rows are kept`;
  await scope.setAside(
    `SELECT _source, _line, 'OUT_OF_RETENTION' AS reason, ${literal(column)} AS subject, ${literal(detail)} AS detail,
       ${rawOf(columns)} AS raw
     ${scope.rows()} AND ${isOld}`,
  );
}

/**
 * What has to hold of a column over the whole run, one check after another: values that come once, then values that others
 * have to have. Returns why the run has to fail.
 */
export async function setColumnChecksAside(scope: Scope, manifest: Manifest, warnings: string[]): Promise<string[]> {
  const failures: string[] = [];
  const checks = manifest.checks.columns;
  for (const check of checks)
    if (check.unique) await one(scope, manifest, { check, warnings, failures, ...repeated(check, scope) });
  for (const check of checks)
    if (check.reference) await one(scope, manifest, { check, warnings, failures, ...unknown(check, check.reference) });
  return failures;
}

interface Late {
  check: ColumnCheck;
  warnings: string[];
  failures: string[];
  reason: 'UNIQUE' | 'REFERENCE';
  /** True of rows that break the check. */
  isBad: string;
  says: string;
}

async function one(scope: Scope, { columns }: Manifest, late: Late): Promise<void> {
  const { check, reason, isBad, says, warnings, failures } = late;
  const rows = await scope.count(isBad);
  if (rows === 0) return;
  const said = `${check.column}: ${rows} rows whose value ${says}`;
  if (check.action === 'fail') failures.push(said);
  else if (check.action === 'warn') warnings.push(said);
  else
    await scope.setAside(
      `SELECT _source, _line, ${literal(reason)} AS reason, ${literal(check.column)} AS subject,
         concat(${literal(`${check.column}: `)}, toString(${identifier(check.column)}), ${literal(` ${says}`)}) AS detail,
         ${rawOf(columns)} AS raw
       ${scope.rows()} AND ${isBad}`,
    );
}

/** All but the first of a value, in the order in which rows were read. Nothing is no value. */
function repeated({ column }: ColumnCheck, scope: Scope): Pick<Late, 'reason' | 'isBad' | 'says'> {
  const value = identifier(column);
  const first = `SELECT ${value}, min((_input, _line)) ${scope.rows()} AND isNotNull(${value}) GROUP BY ${value}`;
  return {
    reason: 'UNIQUE',
    isBad: `isNotNull(${value}) AND (${value}, (_input, _line)) NOT IN (${first})`,
    says: 'an earlier row has already',
  };
}

function unknown(
  { column }: ColumnCheck,
  reference: NonNullable<ColumnCheck['reference']>,
): Pick<Late, 'reason' | 'isBad' | 'says'> {
  const known = `SELECT ${identifier(reference.column)} FROM ${identifier(reference.dataset)}`;
  return {
    reason: 'REFERENCE',
    isBad: `isNotNull(${identifier(column)}) AND ${identifier(column)} NOT IN (${known})`,
    says: `is in no row of ${reference.dataset}.${reference.column}`,
  };
}

/** The row as it would have landed: as it came is known only where it was read. */
function rawOf(columns: Manifest['columns']): string {
  const pairs = landing(columns).flatMap(({ name }) => [literal(name), `ifNull(toString(${identifier(name)}), '')`]);
  return `left(toJSONString(map(${pairs.join(', ')})), 65536)`;
}
