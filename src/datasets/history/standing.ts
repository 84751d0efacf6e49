import type { Warehouse } from '../../warehouse/index.js';

/** How a dataset stands, by its runs of the last 30 days. */
export interface DatasetStanding {
  dataset: string;
  /** End of the last run that was published, or found nothing new; milliseconds since the epoch, 0: none. */
  goodAtMs: number;
  /** Runs that failed since then. */
  failures: number;
  /** Of the last run that was published. */
  rows: { loaded: number; quarantined: number; duplicates: number };
}

/** Datasets by their names, at most 1,000. Throws WarehouseError. */
export async function datasetStandings(warehouse: Warehouse): Promise<DatasetStanding[]> {
  const rows = await warehouse.query<{
    dataset: string;
    good_at: string;
    failures: string;
    last: [loaded: string, quarantined: string, duplicates: string];
  }>(
    `SELECT dataset, toUnixTimestamp64Milli(maxIf(ifNull(ended_at, started_at), isGood)) AS good_at,
       maxIf(number, isGood) AS good, countIf(status = 'failed' AND number > last_good) AS failures,
       argMaxIf((loaded, quarantined, duplicates), number, status = 'published') AS last
     FROM
     (
       SELECT *, status IN ('published', 'unchanged') AS isGood,
         maxIf(number, isGood) OVER (PARTITION BY dataset) AS last_good
       FROM dataset_runs WHERE started_at > now() - INTERVAL 30 DAY
     )
     GROUP BY dataset ORDER BY dataset LIMIT 1000`,
  );
  return rows.map(({ dataset, good_at, failures, last }) => {
    const [loaded, quarantined, duplicates] = last;
    return {
      dataset,
      goodAtMs: Number(good_at),
      failures: Number(failures),
      rows: { loaded: Number(loaded), quarantined: Number(quarantined), duplicates: Number(duplicates) },
    };
  });
}
