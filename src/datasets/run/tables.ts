import type { DatasetRun } from '../../domain/index.js';
import { identifier, quarantineName, stagingName } from '../tables/index.js';
import { digits } from './names.js';

type RunName = Pick<DatasetRun, 'dataset' | 'number'>;

/** All tables whose names begin with it are of some run of the dataset. */
export function stagingPrefix(dataset: string): string {
  return stagingName(dataset, '0').slice(0, -1);
}

/** Name of the table with the staged rows of a run. */
export function stagingTable({ dataset, number }: RunName): string {
  return stagingName(dataset, digits(number));
}

export interface StagingTables {
  rows: string;
  quarantine: string;
  /** What lookups are asked for. */
  keys: string;
}

/** The tables of a run, as they stand in statements. */
export function stagingTables(run: RunName): StagingTables {
  const rows = stagingTable(run);
  return {
    rows: identifier(rows),
    quarantine: identifier(quarantineName(run.dataset, digits(run.number))),
    keys: identifier(`${rows}_keys`),
  };
}

/** Condition on the pieces that count. */
export function inPieces(pieces: readonly string[]): string {
  return pieces.length === 0 ? 'false' : `_piece IN (${pieces.map(digits).join(', ')})`;
}
