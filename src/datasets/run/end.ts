import type { EndDatasetInput } from '../../domain/index.js';
import { clickHouseTime } from '../../warehouse/index.js';
import { literal } from '../tables/index.js';
import type { DatasetDependencies } from './dependencies.js';
import { giveUpLoads } from './loads.js';
import { digits } from './names.js';
import { recordRun } from './record.js';
import { dropStaging, hasStaging } from './staging.js';
import { sweep } from './sweep.js';
import { inPieces, stagingTables } from './tables.js';

/** Ends a run, however it went: what was set aside is kept, its record written, its staging tables dropped. Twice is harmless. */
export async function endRun(dependencies: DatasetDependencies, input: EndDatasetInput): Promise<void> {
  const { run, staged, settled } = input;
  const { warehouse, log } = dependencies;
  await giveUpLoads(warehouse, run.dataset, run.number);
  const pieces = [...(staged?.pieces ?? []), ...(settled === undefined ? [] : [settled.late])];
  if (pieces.length > 0 && (await hasStaging(warehouse, run)))
    await warehouse.command(
      `INSERT INTO quarantined_rows
         (dataset, number, run, source, line, reason, subject, detail, raw, quarantined_at)
       SELECT ${literal(run.dataset)}, ${digits(run.number)}, ${literal(run.runId)}, source, line, reason, subject,
         detail, raw, toDateTime64(${literal(clickHouseTime(new Date(run.startedAt)))}, 3, 'UTC')
       FROM ${stagingTables(run).quarantine} WHERE ${inPieces(pieces)}`,
    );
  await recordRun(dependencies, input);
  await dropStaging(warehouse, run.dataset);
  await sweep(dependencies, run.dataset).catch((err: unknown) => {
    log.warn({ err, dataset: run.dataset }, 'rows that nobody sees were not deleted; the next run tries again');
  });
  const { read, loaded, quarantined, duplicates } = input.counts;
  log.info(
    { dataset: run.dataset, runId: run.runId, status: input.status, read, loaded, quarantined, duplicates },
    'run of a dataset ended',
  );
}
