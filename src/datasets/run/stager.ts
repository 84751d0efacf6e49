import { rm } from 'node:fs/promises';
import type { StagedPiece, StageRequest, Staging } from '../staging/index.js';
import type { Cut } from './cuts.js';

/** A piece that was staged, with the columns beyond those of the manifest that it was staged with. */
export interface StagedCut {
  staged: StagedPiece;
  evolved: readonly string[];
}

export interface StagerOptions extends Required<
  Pick<StageRequest, 'manifest' | 'logicalDate' | 'secrets' | 'lookup' | 'evolved' | 'signal'>
> {
  /** Adds columns that the source has brought, where the manifest says so. Throws where they can't be. */
  add: (names: readonly string[]) => Promise<void>;
}

/** Stages cuts, maybe several at once; columns that one brings are added before it counts. */
export function stagerOf(staging: Staging, { add, ...options }: StagerOptions): (cut: Cut) => Promise<StagedCut> {
  let { evolved } = options;
  return async ({ piece }) => {
    for (;;) {
      const known = evolved;
      const staged = await staging.stage(piece, { ...options, evolved: known });
      const names = options.manifest.schema.newColumns === 'evolve' ? staged.newColumns : [];
      const fresh = names.filter((name) => !known.includes(name));
      if (fresh.length === 0) return { staged, evolved: known };
      await removeFiles(staged);
      await add(fresh);
      evolved = [...evolved, ...fresh.filter((name) => !evolved.includes(name))];
    }
  };
}

/** Takes the files of a staged piece away. */
export async function removeFiles({ path, quarantinePath }: StagedPiece): Promise<void> {
  for (const file of [path, quarantinePath]) if (file !== undefined) await rm(file, { force: true });
}
