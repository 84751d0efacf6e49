import { rm } from 'node:fs/promises';
import { NOTHING_STAGED, stagedTogether, type StagedInputs } from '../../domain/index.js';
import type { Cut } from './cuts.js';
import type { DatasetDependencies } from './dependencies.js';
import { insertPiece } from './insertPiece.js';
import type { StageCall } from './stageCall.js';
import { removeFiles, type StagedCut } from './stager.js';

/** A call ends after so long, or so many pieces, and says where the next goes on. */
const CALL_MS = 600_000;
const CALL_PIECES = 200;

/**
 * Stages cuts, two at once since DuckDB works at each with one core: others are cut meanwhile, and those before inserted.
 * They are inserted one by one in their order, and a piece counts once its rows were counted in the table; behind one of
 * which the run has to fail none counts. Throws what cutting, staging or ClickHouse throw, when all is still.
 */
export async function stageCuts(
  dependencies: DatasetDependencies,
  call: StageCall,
  stage: (cut: Cut) => Promise<StagedCut>,
  cuts: AsyncGenerator<Cut>,
): Promise<StagedInputs> {
  const endsAt = performance.now() + CALL_MS;
  const before: StagedInputs = call.before ?? { ...NOTHING_STAGED };
  let pieces = before.pieces.length;
  let stagedBefore: Promise<unknown> = Promise.resolve();
  let insertedBefore = Promise.resolve(before);
  let inserted = insertedBefore;
  try {
    let upcoming = next(cuts);
    for (let cut = await upcoming; cut !== undefined; cut = await unlessFailed(inserted, upcoming)) {
      upcoming = next(cuts);
      const staged = quiet(stageOne(stage, cut));
      const waitsFor = [stagedBefore, insertedBefore] as const;
      [stagedBefore, insertedBefore] = [staged, inserted];
      inserted = quiet(insertInTurn(dependencies, call, { cut, staged, before: inserted }));
      pieces += 1;
      const isEnough = performance.now() > endsAt || pieces >= CALL_PIECES;
      if (isEnough && cut.behind.kind === 'at') break;
      const [, done] = await Promise.all(waitsFor);
      if (done.failure !== undefined) break;
    }
    return await inserted;
  } finally {
    await inserted.catch(() => undefined);
    await cuts.return(undefined);
  }
}

/** The next one; that it fails is told to who waits for it. */
function next(cuts: AsyncGenerator<Cut>): Promise<Cut | undefined> {
  return quiet(cuts.next().then(({ value, done }) => (done === true ? undefined : value)));
}

function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

/** None where the run has to fail of what was inserted last. Rejects as soon as it was not inserted. */
function unlessFailed(inserted: Promise<StagedInputs>, upcoming: Promise<Cut | undefined>): Promise<Cut | undefined> {
  return Promise.race([inserted.then(({ failure }) => (failure === undefined ? upcoming : undefined)), upcoming]);
}

async function stageOne(stage: (cut: Cut) => Promise<StagedCut>, cut: Cut): Promise<StagedCut> {
  const staged = await stage(cut);
  // A file of Parquet is of several pieces, and goes with the folder of the share.
  if (cut.piece.kind !== 'parquet') await rm(cut.piece.path, { force: true });
  return staged;
}

/** Ends when staging it and inserting those before have, and throws what came first; files that are not inserted are gone. */
async function insertInTurn(
  dependencies: DatasetDependencies,
  call: StageCall,
  of: { cut: Cut; staged: Promise<StagedCut>; before: Promise<StagedInputs> },
): Promise<StagedInputs> {
  const [own, before] = await Promise.allSettled([of.staged, of.before]);
  const isNext = before.status === 'fulfilled' && before.value.failure === undefined;
  if (!isNext && own.status === 'fulfilled') await removeFiles(own.value.staged);
  const done = await of.before;
  if (done.failure !== undefined) return done;
  return insert(dependencies, call, { ...(await of.staged), cut: of.cut, before: done });
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
