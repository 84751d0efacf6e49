import { rm } from 'node:fs/promises';
import { NOTHING_STAGED, stagedTogether, type StagedInputs } from '../../domain/index.js';
import type { Cut } from './cuts.js';
import type { DatasetDependencies } from './dependencies.js';
import { insertPiece } from './insertPiece.js';
import type { StageCall } from './stageCall.js';
import type { StagedCut } from './stager.js';

/** A call ends after so long, or so many pieces, and says where the next goes on. */
const CALL_MS = 600_000;
const CALL_PIECES = 200;

/**
 * Stages cuts: one is cut while the one before is staged and the one before that is inserted. A piece counts once its
 * rows were counted in the table. Throws what cutting, staging or ClickHouse throw, when all is still.
 */
export async function stageCuts(
  dependencies: DatasetDependencies,
  call: StageCall,
  stage: (cut: Cut) => Promise<StagedCut>,
  cuts: AsyncGenerator<Cut>,
): Promise<StagedInputs> {
  const endsAt = performance.now() + CALL_MS;
  let done: StagedInputs = call.before ?? { ...NOTHING_STAGED };
  let insertion: Promise<StagedInputs> = Promise.resolve(done);
  try {
    let upcoming = next(cuts);
    for (let cut = await upcoming; cut !== undefined; cut = await upcoming) {
      upcoming = next(cuts);
      const { staged, evolved } = await stage(cut);
      // A file of Parquet is of several pieces, and goes with the folder of the share.
      if (cut.piece.kind !== 'parquet') await rm(cut.piece.path, { force: true });
      done = await insertion;
      insertion = insert(dependencies, call, { cut, staged, evolved, before: done });
      insertion.catch(() => undefined);
      const isEnough = performance.now() > endsAt || done.pieces.length >= CALL_PIECES;
      if (staged.failure !== undefined || (isEnough && cut.behind.kind === 'at')) break;
    }
    return await insertion;
  } finally {
    await insertion.catch(() => undefined);
    await cuts.return(undefined);
  }
}

/** The next one; that it fails is told to who waits for it. */
function next(cuts: AsyncGenerator<Cut>): Promise<Cut | undefined> {
  const cut = cuts.next().then(({ value, done }) => (done === true ? undefined : value));
  cut.catch(() => undefined);
  return cut;
}

async function insert(
  dependencies: DatasetDependencies,
  call: StageCall,
  { cut, staged, evolved, before }: StagedCut & { cut: Cut; before: StagedInputs },
): Promise<StagedInputs> {
  const piece = await insertPiece(dependencies, call, { staged, evolved, inputs: cut.inputs });
  const { read, rows, quarantined, warned, dropped, failure } = staged;
  const progress = stagedTogether(before, {
    ...{ pieces: [piece], read, rows, quarantined, ...cut.found, warned, dropped },
    ...(failure === undefined ? {} : { failure }),
    ...(cut.behind.kind === 'at' && failure === undefined ? { next: cut.behind.position } : {}),
  });
  if (cut.behind.kind !== 'within') call.onProgress(progress);
  return progress;
}
