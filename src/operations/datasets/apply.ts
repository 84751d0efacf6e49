import { ensureDatasetSchedule, type DatasetSchedule, type TemporalClient } from '../../client/index.js';
import {
  appliedManifests,
  durationMs,
  parseManifest,
  planTable,
  readTable,
  recordManifest,
  type Manifest,
  type TableChange,
} from '../../datasets/index.js';
import type { Warehouse } from '../../warehouse/index.js';
import { readYamlFile } from '../../yaml/index.js';
import { RequestError } from '../errors.js';

/** What is to be done for one manifest. */
export interface DatasetPlanned {
  dataset: string;
  file: string;
  /** SHA-256 of the file. */
  hash: string;
  /** `same`: nothing is to be done. */
  kind: 'new' | 'changed' | 'same' | 'refused';
  /** What changes, as lines for a person. */
  changes: string[];
  /** Why it can't be, and what to do instead. */
  refusals: string[];
}

interface Planned extends DatasetPlanned {
  text: string;
  manifest: Manifest;
  tables: TableChange[];
}

export interface ApplyOptions {
  warehouse: Warehouse;
  /** Rows that a shorter TTL no longer keeps may be deleted. */
  allowDelete: boolean;
}

/**
 * What applying these files would do; nothing is changed. Throws YamlError and YamlFileError for files that can't be used,
 * RequestError where two have one name, WarehouseError.
 */
export async function planManifests(files: readonly string[], options: ApplyOptions): Promise<Planned[]> {
  const { warehouse, allowDelete } = options;
  const applied = await appliedManifests(warehouse);
  const known = new Map<string, string>();
  const planned: Planned[] = [];
  for (const file of files) {
    const text = await readYamlFile(file);
    const { manifest, hash } = parseManifest(text, file);
    const { name } = manifest;
    const other = known.get(name);
    if (other !== undefined) throw new RequestError(`${file}: ${other} is the manifest of ${name} already`);
    known.set(name, file);
    const { database } = warehouse;
    const { changes: tables, refusals } = planTable(manifest, await readTable(warehouse, name), {
      database,
      allowDelete,
    });
    const before = applied.get(name);
    const changes = [...tables.map(({ says }) => says), ...manifestChanges(manifest, hash, before)];
    const kind =
      refusals.length > 0 ? 'refused' : before === undefined ? 'new' : changes.length > 0 ? 'changed' : 'same';
    planned.push({ dataset: name, file, hash, kind, changes, refusals, text, manifest, tables });
  }
  return planned;
}

function manifestChanges(
  manifest: Manifest,
  hash: string,
  before: { manifest: Manifest; hash: string } | undefined,
): string[] {
  const schedule = scheduleText(manifest);
  const was = before && scheduleText(before.manifest);
  return [
    ...(before === undefined
      ? ['keeps the manifest']
      : before.hash === hash
        ? []
        : ['keeps the manifest as it is now']),
    ...(schedule === was || (before === undefined && schedule === 'none') ? [] : [`schedule: ${schedule}`]),
  ];
}

function scheduleOf({ schedule }: Manifest): DatasetSchedule | undefined {
  if (schedule === undefined) return undefined;
  const { cron, every, timeZone, jitter, overlap, catchUp, paused } = schedule;
  const ms = (duration: string | undefined): number | undefined =>
    duration === undefined ? undefined : durationMs(duration);
  return {
    ...{ cron, timeZone, overlap, paused },
    everyMs: ms(every),
    jitterMs: ms(jitter),
    catchUpMs: durationMs(catchUp),
  };
}

function scheduleText({ schedule }: Manifest): string {
  if (schedule === undefined) return 'none';
  const { cron, every, timeZone, paused } = schedule;
  return `${cron === undefined ? `every ${every ?? ''}` : `${cron} (${timeZone})`}${paused ? ', paused' : ''}`;
}

/**
 * Makes what was planned: tables first, then the manifest, then the schedule, so that no run finds less than it needs. May be
 * repeated. Throws RequestError where something was refused: then nothing is changed.
 */
export async function applyManifests(
  planned: readonly Planned[],
  { warehouse, client, who }: { warehouse: Warehouse; client: TemporalClient['client']; who: string },
): Promise<void> {
  const refused = planned.filter(({ kind }) => kind === 'refused');
  if (refused.length > 0)
    throw new RequestError(
      refused.flatMap(({ file, refusals }) => refusals.map((refusal) => `${file}: ${refusal}`)).join('\n'),
    );
  for (const { tables, text, manifest, hash, kind } of planned) {
    for (const { sql } of tables) await warehouse.command(sql);
    if (kind !== 'same') await recordManifest(warehouse, { text, manifest: { manifest, hash }, who });
    // Also where nothing changed: somebody may have deleted it.
    await ensureDatasetSchedule(client, manifest.name, scheduleOf(manifest));
  }
}
