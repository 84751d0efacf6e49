import type { DatasetPlan, DatasetRun, SettledRun, StagedInputs } from '../../domain/index.js';
import { bareType, parseColumnType } from '../manifest/columnType.js';
import type { Manifest } from '../manifest/schema.js';
import { shareOf } from '../manifest/words.js';
import { identifier } from '../tables/index.js';
import { setColumnChecksAside, setOldAside } from './lateQuarantine.js';
import type { DatasetDependencies } from './dependencies.js';
import { runManifest } from './manifests.js';
import { randomNumber } from './names.js';
import { nullChecks, runChecks } from './runChecks.js';
import { Scope } from './scope.js';

/** Rows that are loaded in one go. */
const BUCKET_ROWS = 2_000_000;
/** Pieces of one run: their numbers stand in statements, up to three times, of which ClickHouse reads 262,144 bytes. */
const MOST_PIECES = 3_000;

/** Checks what only the run as a whole can say; rows that are set aside here are so under a number of this try alone. */
export async function settleRun(
  dependencies: DatasetDependencies,
  run: DatasetRun,
  plan: DatasetPlan,
  staged: StagedInputs,
): Promise<SettledRun> {
  const { warehouse } = dependencies;
  const manifest = await runManifest(warehouse, run, plan);
  const result: SettledRun = { late: randomNumber(), quarantined: 0, rows: 0, buckets: 1, warnings: [] };
  const fail = (failure: string): SettledRun => ({ ...result, failure });
  if (staged.pieces.length > MOST_PIECES)
    return fail(`the run has ${staged.pieces.length} pieces, and at most ${MOST_PIECES} are one run: split it`);
  const scope = new Scope(warehouse, run, { pieces: staged.pieces, late: result.late });
  const there = await scope.count('true');
  if (there !== staged.rows)
    return fail(`ClickHouse has ${there} of the ${staged.rows} rows that were staged and counted there`);

  await setOldAside(scope, manifest);
  const failures = await setColumnChecksAside(scope, manifest, result.warnings);
  result.quarantined = scope.aside;
  result.rows = staged.rows - scope.aside;
  result.buckets = Math.max(1, Math.ceil(result.rows / BUCKET_ROWS));
  failures.push(
    ...tooManyAside(manifest, staged, result),
    ...(await nullChecks(scope, manifest, result)),
    ...(await runChecks(scope, manifest, { run, settled: result })),
  );
  const cursor = await cursorOf(scope, manifest);
  if (cursor !== undefined) result.cursor = cursor;
  return failures.length === 0 ? result : fail(failures.join('; ').slice(0, 2_000));
}

function tooManyAside({ checks }: Manifest, staged: StagedInputs, settled: SettledRun): string[] {
  const aside = staged.quarantined + settled.quarantined;
  if (aside === 0 || aside <= shareOf(checks.maxQuarantined) * staged.read) return [];
  const share = ((100 * aside) / staged.read).toFixed(2);
  return [
    `${aside} of ${staged.read} rows were set aside (${share} %), and checks.maxQuarantined is ${checks.maxQuarantined}: penstock dataset quarantine shows them`,
  ];
}

/** Greatest value of the incremental column: a time as ISO 8601 in UTC, a number in digits. */
async function cursorOf(scope: Scope, { source, columns }: Manifest): Promise<string | undefined> {
  if (source.type !== 'http' || source.incremental === undefined) return undefined;
  const { column } = source.incremental;
  const type = parseColumnType(columns.find(({ name }) => name === column)?.type ?? '');
  const greatest = `max(${identifier(column)})`;
  const isNumber = type !== undefined && bareType(type).kind === 'integer';
  // Milliseconds are cut off, never rounded up: a cursor that is too small asks for some rows twice.
  const text = isNumber
    ? `toString(${greatest})`
    : `formatDateTime(toDateTime64(${greatest}, 3, 'UTC'), '%Y-%m-%dT%H:%i:%S.%fZ')`;
  const [row] = await scope.select<{ cursor: string | null }>(`if(count() = 0, '', ${text}) AS cursor`);
  return row?.cursor ? row.cursor.replace(/(\.\d{3})\d*Z$/, '$1Z') : undefined;
}
