import type { Staging, StagingOptions } from '../staging/index.js';

/** Starts a DuckDB to stage pieces with. Loaded only here: it is 70 MB that other roles and verbs have no use for. */
export async function openStaging(options: StagingOptions): Promise<Staging> {
  const staging = await import('../staging/index.js');
  return staging.openStaging(options);
}
