import { applyManifests, planManifests, type DatasetPlanned } from '../../operations/index.js';
import { EXIT } from '../verb.js';
import { who } from '../who.js';
import type { ApplyFlags } from './flags.js';
import { manifestError } from './manifestError.js';
import { manifestPaths } from './manifestPaths.js';
import { withWarehouse } from '../withWarehouse.js';
import { withTemporal } from './withTemporal.js';

/** What `penstock dataset apply --json` prints. Fields are only added. */
export interface ApplyReport {
  /** False: nothing was changed. */
  applied: boolean;
  datasets: DatasetPlanned[];
}

/** Shows what manifests change, makes it, and returns the exit code. */
export async function apply(path: string, flags: ApplyFlags): Promise<number> {
  const { dryRun = false, allowDelete = false } = flags;
  try {
    const files = await manifestPaths([path]);
    return await withWarehouse(flags.dataDir, async (warehouse) => {
      const planned = await planManifests(files, { warehouse, allowDelete });
      const datasets = planned.map(({ dataset, file, hash, kind, changes, refusals }): DatasetPlanned => ({
        ...{ dataset, file, hash, kind, changes, refusals },
      }));
      if (!flags.json) process.stdout.write(planText(datasets));
      const isRefused = datasets.some(({ kind }) => kind === 'refused');
      const applied = !dryRun && !isRefused;
      if (applied) await withTemporal((client) => applyManifests(planned, { warehouse, client, who: who() }));
      if (flags.json) process.stdout.write(`${JSON.stringify({ applied, datasets } satisfies ApplyReport)}\n`);
      else
        process.stdout.write(
          isRefused ? 'Nothing was changed.\n' : applied ? 'Applied.\n' : 'Nothing was changed (--dry-run).\n',
        );
      return isRefused ? EXIT.failed : EXIT.ok;
    });
  } catch (error) {
    throw manifestError(error);
  }
}

const SIGN: Readonly<Record<DatasetPlanned['kind'], string>> = {
  new: '+',
  changed: '~',
  same: '=',
  refused: '!',
};

function planText(datasets: readonly DatasetPlanned[]): string {
  const lines = datasets.flatMap(({ dataset, file, kind, changes, refusals }) => [
    `${SIGN[kind]} ${dataset} (${file})${kind === 'same' ? ': nothing to do' : ''}`,
    ...changes.map((change) => `    ${change}`),
    ...refusals.map((refusal) => `    refused: ${refusal}`),
  ]);
  return `${lines.join('\n')}\n`;
}
