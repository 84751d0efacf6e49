import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { addCounts } from '../../domain/index.js';
import { WarehouseError } from '../../warehouse/index.js';
import { landing } from '../manifest/columns.js';
import type { Manifest } from '../manifest/schema.js';
import type { LandedRow, QuarantinedRow, StagedPiece } from '../staging/index.js';
import { addable, EVOLVED_TYPE_TEXT, evolvedNames, readTable, type ExistingStorage } from '../tables/index.js';
import type { Cut } from './cuts.js';
import type { DatasetDependencies } from './dependencies.js';
import { refuseColumns } from './evolve.js';
import { keysInStatement, lookupFor } from './lookup.js';
import { sourcesOf } from './readFiles.js';
import { readFirst } from './readFirst.js';
import { removeFiles, stagerOf } from './stager.js';

export type PreviewDependencies = Pick<
  DatasetDependencies,
  'warehouse' | 'lister' | 'streamer' | 'secrets' | 'allowPrivate' | 'pace' | 'staging' | 'dir'
>;

export interface PreviewRequest {
  manifest: Manifest;
  /** Records that are looked at, at most. */
  rows: number;
  /** What the run would be for. */
  now: Date;
  signal: AbortSignal;
}

/** The first records of a source, as a run would leave them. */
export interface Preview {
  /** What lands, in the order of the table. */
  columns: PreviewColumn[];
  /** Records that were looked at: those that would land and those set aside, unless all are what `failure` is about. */
  read: number;
  rows: LandedRow[];
  quarantine: QuarantinedRow[];
  /** Names of the files or pages that they are from. */
  inputs: string[];
  /** They are all that there is; else there may be more. */
  isWhole: boolean;
  /** Columns of the source that the manifest does not name, where its policy is another than to ignore them. */
  newColumns: string[];
  /** Rows that would land and of which a check only warns, by the name of the check. */
  warned: Record<string, number>;
  /** Values of rows that would land that would be dropped, by column. */
  dropped: Record<string, number>;
  /** Why a run of these records alone would fail. */
  failure?: string;
  /** ClickHouse said which columns the table has. */
  isTableKnown: boolean;
}

export interface PreviewColumn {
  name: string;
  type: string;
  /** The source brings it, and a run would add it to the table. */
  isNew: boolean;
}

const PING_MS = 3_000;

/**
 * Looks at the first records of a source with what runs read, cut and stage by. Nothing is written but files in a folder of
 * its own, which is taken away; ClickHouse is only asked, and needed for lookups alone. Inputs that a run has taken are
 * looked at all the same.
 *
 * Throws what reading and staging throw, DatasetError for new columns that no table can have, WarehouseError where a lookup
 * finds no ClickHouse.
 */
export async function previewDataset(dependencies: PreviewDependencies, request: PreviewRequest): Promise<Preview> {
  const { staging, secrets, warehouse } = dependencies;
  const { manifest, rows, now, signal } = request;
  const dir = await mkdtemp(join(dependencies.dir, 'preview-'));
  try {
    const { storage, isKnown } = await tableOf(dependencies, manifest);
    const evolved = storage === undefined ? [] : evolvedNames(manifest, storage);
    const fresh: string[] = [];
    const stage = stagerOf(staging, {
      ...{ manifest, secrets, signal, evolved, logicalDate: now },
      lookup: lookupFor(warehouse, manifest, keysInStatement, signal),
      add: (names) => {
        refuseColumns(addable(manifest, storage, names).refusals);
        fresh.push(...names);
        return Promise.resolve();
      },
    });
    const preview: Preview = {
      ...{ columns: [], read: 0, rows: [], quarantine: [], inputs: [], isWhole: true, newColumns: [] },
      ...{ warned: {}, dropped: {}, isTableKnown: isKnown },
    };
    const { cuts, isCut } = await readFirst(dependencies, { manifest, now, signal, dir, limit: rows });
    for await (const cut of cuts) {
      const { staged, evolved: columns } = await stage(cut);
      try {
        addPiece(preview, cut, staged, await staging.show(staged, { manifest, evolved: columns }));
      } finally {
        await removeFiles(staged);
      }
      if (staged.failure !== undefined) break;
    }
    preview.isWhole &&= !isCut();
    preview.columns = columnsOf(manifest, evolved, fresh);
    return preview;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** The table of the dataset, if it is there and ClickHouse is. */
async function tableOf(
  { warehouse }: PreviewDependencies,
  { name }: Manifest,
): Promise<{ storage: ExistingStorage | undefined; isKnown: boolean }> {
  const unknown = { storage: undefined, isKnown: false };
  const isThere = await warehouse.ping(PING_MS).then(
    () => true,
    () => false,
  );
  if (!isThere) return unknown;
  try {
    return { storage: (await readTable(warehouse, name))?.storage, isKnown: true };
  } catch (error) {
    if (error instanceof WarehouseError) return unknown;
    throw error;
  }
}

function addPiece(
  preview: Preview,
  { piece, inputs, behind }: Cut,
  staged: StagedPiece,
  { landed, setAside }: { landed: LandedRow[]; setAside: QuarantinedRow[] },
): void {
  const sources = sourcesOf(piece);
  const places = new Map(sources.map((source, index) => [source, inputs[index] ?? 0]));
  preview.read += staged.read;
  preview.rows.push(...inOrder(landed, places));
  preview.quarantine.push(...inOrder(setAside, places));
  preview.inputs = [...new Set([...preview.inputs, ...sources])];
  preview.isWhole = behind.kind === 'end';
  preview.newColumns = [...new Set([...preview.newColumns, ...staged.newColumns])];
  preview.warned = addCounts(preview.warned, staged.warned);
  preview.dropped = addCounts(preview.dropped, staged.dropped);
  if (staged.failure !== undefined) preview.failure = staged.failure;
}

/** As they were read: lookups mix them. */
function inOrder<Row extends { source: string; line: number }>(
  rows: readonly Row[],
  places: ReadonlyMap<string, number>,
): Row[] {
  const placeOf = ({ source }: Row): number => places.get(source) ?? 0;
  return rows.toSorted((a, b) => placeOf(a) - placeOf(b) || a.line - b.line);
}

function columnsOf({ columns }: Manifest, evolved: readonly string[], fresh: readonly string[]): PreviewColumn[] {
  const declared = landing(columns);
  return [
    ...declared.map(({ name, type }) => ({ name, type, isNew: false })),
    ...evolved.map((name) => ({ name, type: EVOLVED_TYPE_TEXT, isNew: false })),
    ...fresh.map((name) => ({ name, type: EVOLVED_TYPE_TEXT, isNew: true })),
  ];
}
