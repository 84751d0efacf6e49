import { setTimeout as sleep } from 'node:timers/promises';
import { WarehouseError } from '../../warehouse/index.js';
import { rowStructure } from '../staging/rowStructure.js';
import type { StagedPiece } from '../staging/index.js';
import { identifier, literal } from '../tables/index.js';
import type { DatasetDependencies } from './dependencies.js';
import { listedInputs } from './inputRecords.js';
import { digits, randomNumber } from './names.js';
import type { StageCall } from './stageCall.js';
import { removeFiles } from './stager.js';
import { stagingTables } from './tables.js';

const TIMEOUT_MS = 300_000;
/** Tries within the call; after them the call itself is tried again. */
const TRIES = 5;
const FIRST_WAIT_MS = 250;
const QUARANTINE = 'source String, line UInt64, reason String, subject String, detail String, raw String';

export interface PieceToInsert {
  staged: StagedPiece;
  /** Columns beyond those of the manifest that it was staged with. */
  evolved: readonly string[];
  /** Numbers of its inputs. */
  inputs: readonly number[];
}

/**
 * Puts a staged piece into the tables of its run under a number that no other try has, and counts its rows there: an
 * answer alone proves nothing. Takes its files away. Returns the number; what other tries left counts for nothing.
 */
export async function insertPiece(
  dependencies: DatasetDependencies,
  call: StageCall,
  of: PieceToInsert,
): Promise<string> {
  try {
    for (let tries = 1; ; tries += 1) {
      try {
        return await insertOnce(dependencies, call, of);
      } catch (error) {
        if (tries === TRIES || !(error instanceof WarehouseError) || !error.retryable) throw error;
        dependencies.log.warn({ err: error, dataset: call.run.dataset, tries }, 'a piece was not inserted');
        await sleep(FIRST_WAIT_MS * 2 ** tries, undefined, { signal: call.signal });
      }
    }
  } finally {
    await removeFiles(of.staged);
  }
}

/**
 * The number of the input of each row that comes, and FROM what with which conditions. Names of thousands of inputs are more
 * than a statement may hold, so they are joined; one stands in the statement, since a join is work for each row. A row whose
 * input is not known is missed when the rows are counted.
 */
function numbered(structure: string, listed: string, inputs: readonly number[]): { number: string; from: string } {
  const came = `FROM input(${literal(structure)}) AS came`;
  const [only, ...others] = inputs;
  if (only !== undefined && others.length === 0)
    return { number: String(only), from: `${came} WHERE _source = (SELECT listed_source FROM (${listed}))` };
  return { number: 'listed_input', from: `${came} INNER JOIN (${listed}) AS listed ON _source = listed_source` };
}

async function insertOnce(
  { warehouse }: DatasetDependencies,
  { run, plan, manifest, signal }: StageCall,
  { staged, evolved, inputs }: PieceToInsert,
): Promise<string> {
  const piece = randomNumber();
  const tables = stagingTables(run);
  if (staged.path !== undefined && staged.rows > 0) {
    const { columns, structure, select } = rowStructure(manifest, evolved);
    const { number, from } = numbered(structure, listedInputs(run, plan.planId, inputs), inputs);
    await warehouse.insertFile({
      sql: `INSERT INTO ${tables.rows} (${[...columns, '_input', '_piece'].map(identifier).join(', ')})
        SELECT ${select.join(', ')}, ${number}, ${piece} ${from}`,
      format: 'Parquet',
      path: staged.path,
      timeoutMs: TIMEOUT_MS,
      signal,
    });
  }
  if (staged.quarantinePath !== undefined && staged.quarantined > 0)
    await warehouse.insertFile({
      sql: `INSERT INTO ${tables.quarantine} (_piece, source, line, reason, subject, detail, raw)
        SELECT ${piece}, source, line, reason, subject, detail, raw FROM input(${literal(QUARANTINE)})`,
      format: 'JSONEachRow',
      path: staged.quarantinePath,
      timeoutMs: TIMEOUT_MS,
      signal,
    });
  const [counted] = await warehouse.query<{ rows: string; quarantined: string }>(
    `SELECT (SELECT count() FROM ${tables.rows} WHERE _piece = ${digits(piece)}) AS rows,
       (SELECT count() FROM ${tables.quarantine} WHERE _piece = ${digits(piece)}) AS quarantined`,
  );
  if (Number(counted?.rows) !== staged.rows || Number(counted?.quarantined) !== staged.quarantined)
    throw new WarehouseError(
      'unavailable',
      undefined,
      `of ${staged.rows} rows and ${staged.quarantined} set aside ${counted?.rows} and ${counted?.quarantined} are there`,
    );
  return piece;
}
