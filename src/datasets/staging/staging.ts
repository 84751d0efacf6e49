import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBInstance } from '@duckdb/node-api';
import type { Manifest } from '../manifest/schema.js';
import type { Piece } from '../records/piece.js';
import type { Note } from './columns.js';
import { openEngine, Session } from './engine.js';
import { StagingError } from './errors.js';
import { linesOf, type Lines } from './lines.js';
import { findNewKeys } from './newColumns.js';
import { HASH_KEY, setHashKey } from './personal.js';
import { parquetOptions } from './parquetFile.js';
import { planOf, type Plan } from './plan.js';
import { findMissingKeys, refuseNanoseconds } from './records.js';
import { setAside, writeQuarantine } from './quarantine.js';
import { keyOf, RECORD, recordsOf, shapeOf } from './source.js';
import { all, identifier, literal } from './sql.js';
import { landedRows, setAsideRows } from './shown.js';
import type { LandedRow, Lookup, QuarantinedRow, StagedPiece } from './staged.js';

export interface StagingOptions {
  /** Folder of its own: what is staged, and what does not fit into memory. Pieces lie in it, or in one of `folders`. */
  dir: string;
  /** Further folders that pieces lie in. */
  folders?: readonly string[];
  /** Of DuckDB, beside that of Node. Default: 384 MiB. */
  memoryBytes?: number;
  /** Default: 1. */
  threads?: number;
}

/** What a piece is staged for. */
export interface StageRequest {
  manifest: Manifest;
  /** What expressions see as logical_date, in UTC. */
  logicalDate: Date;
  /** The value of a secret by its name. */
  secrets: (name: string) => string;
  lookup: Lookup;
  /** Columns of the source that the table was given since, in their order. */
  evolved?: readonly string[];
  /** Sets every record aside, for this reason. */
  quarantineAll?: { reason: string; detail: string };
  /** Ends the staging with a StagingError. */
  signal?: AbortSignal;
}

export interface Staging {
  /**
   * Writes the rows of a piece that land and those that are set aside; both files are the caller's. Throws StagingError
   * where an expression is wrong, or a file is not what its piece says.
   */
  stage(piece: Piece, request: StageRequest): Promise<StagedPiece>;
  /** Reads a staged piece back, in no certain order: for a few rows, all of which are held in memory. */
  show(staged: StagedPiece, of: Pick<StageRequest, 'manifest' | 'evolved'>): Promise<ShownPiece>;
  /** Ends DuckDB, and removes what it spilled. */
  close(): Promise<void>;
}

export interface ShownPiece {
  landed: LandedRow[];
  setAside: QuarantinedRow[];
}

const DEFAULT_MEMORY_BYTES = 384 * 1024 * 1024;

/** Starts a DuckDB that reads its folders and nothing else, and stages pieces with it. */
export async function openStaging(options: StagingOptions): Promise<Staging> {
  const { dir, folders = [], memoryBytes = DEFAULT_MEMORY_BYTES, threads = 1 } = options;
  await mkdir(dir, { recursive: true });
  const instance = await openEngine({ dir, folders, memoryBytes, threads });
  return new DuckDbStaging(instance, dir);
}

class DuckDbStaging implements Staging {
  readonly #instance: DuckDBInstance;
  readonly #dir: string;
  readonly #plans = new WeakMap<Manifest, Map<string, Plan>>();

  constructor(instance: DuckDBInstance, dir: string) {
    this.#instance = instance;
    this.#dir = dir;
  }

  async stage(piece: Piece, request: StageRequest): Promise<StagedPiece> {
    const session = new Session(await this.#instance.connect());
    const interrupt = (): void => session.interrupt();
    request.signal?.addEventListener('abort', interrupt);
    const files = {
      path: join(this.#dir, `${randomUUID()}.parquet`),
      quarantinePath: join(this.#dir, `${randomUUID()}.ndjson`),
    };
    try {
      request.signal?.throwIfAborted();
      return await this.#stage(piece, request, session, files);
    } catch (error) {
      await rm(files.path, { force: true });
      await rm(files.quarantinePath, { force: true });
      throw error;
    } finally {
      request.signal?.removeEventListener('abort', interrupt);
      session.close();
    }
  }

  async show(
    { path, quarantinePath }: StagedPiece,
    of: Pick<StageRequest, 'manifest' | 'evolved'>,
  ): Promise<ShownPiece> {
    const session = new Session(await this.#instance.connect());
    try {
      return {
        landed: path === undefined ? [] : await landedRows(path, of, session),
        setAside: quarantinePath === undefined ? [] : await setAsideRows(quarantinePath, session),
      };
    } finally {
      session.close();
    }
  }

  async close(): Promise<void> {
    this.#instance.closeSync();
    await rm(join(this.#dir, 'spill'), { recursive: true, force: true });
  }

  async #stage(
    piece: Piece,
    request: StageRequest,
    session: Session,
    files: { path: string; quarantinePath: string },
  ): Promise<StagedPiece> {
    const { manifest, evolved = [] } = request;
    if (piece.kind === 'parquet') await refuseNanoseconds(piece.path, 'the file', session);
    const shape = await shapeOf(piece, manifest.format, session);
    const plan = await this.#planOf(manifest, keyOf(shape), evolved, () => planOf(manifest, shape, evolved, session));
    const records = recordsOf(piece, shape, request.logicalDate);
    const found =
      piece.kind === 'json' && piece.records > 0
        ? await findNewKeys(manifest, records, plan.used, evolved, session)
        : plan.newColumns;
    const failure =
      plan.failure ??
      found.failure ??
      (piece.kind === 'json' && piece.records > 0 ? await findMissingKeys(manifest, records, session) : undefined);
    const nothing = { read: piece.read, rows: 0, quarantined: 0, newColumns: found.names, warned: {}, dropped: {} };
    if (failure !== undefined) return { ...nothing, failure };
    if (plan.needsHashKey) await setHashKey(request.secrets(HASH_KEY), session);
    const lines = await linesOf(piece.marks, piece.records, session);
    const run = { piece, plan, records, lines, session, request, files, dir: this.#dir };
    const rows = await land(run);
    const { quarantined, failure: failed } = await quarantine(run, rows);
    if (rows + quarantined !== piece.read)
      throw new StagingError(`the piece has ${piece.read} records; ${rows} landed and ${quarantined} were set aside`);
    const counts = rows > 0 ? await noted(plan.notes, files.path, session) : { warned: {}, dropped: {} };
    return {
      ...nothing,
      ...counts,
      rows,
      quarantined,
      ...(rows > 0 ? { path: files.path } : {}),
      ...(quarantined > 0 ? { quarantinePath: files.quarantinePath } : {}),
      ...(failed === undefined ? {} : { failure: failed }),
    };
  }

  /** Expressions are read and bound once for all pieces of a shape. */
  async #planOf(
    manifest: Manifest,
    shape: string,
    evolved: readonly string[],
    make: () => Promise<Plan>,
  ): Promise<Plan> {
    const plans = this.#plans.get(manifest) ?? new Map<string, Plan>();
    this.#plans.set(manifest, plans);
    const key = JSON.stringify([shape, evolved]);
    const plan = plans.get(key) ?? (await make());
    plans.set(key, plan);
    return plan;
  }
}

interface Run {
  piece: Piece;
  plan: Plan;
  /** SELECT of the records of the piece. */
  records: string;
  lines: Lines;
  session: Session;
  request: StageRequest;
  files: { path: string; quarantinePath: string };
  dir: string;
}

/** Writes the rows that nothing is wrong with, in one pass over the piece, and gives their number. */
async function land({ piece, plan, records, lines, session, request, files, dir }: Run): Promise<number> {
  if (piece.records === 0 || request.quarantineAll !== undefined) return 0;
  for (const lookup of plan.lookups) await lookup.fetch(records, session, dir, request.lookup);
  const columns = plan.landing.map((sql, index) => `${sql} AS c${index}`);
  const told = plan.notes.map(({ sql }, index) => `CASE WHEN ${sql} THEN ${index} END`);
  const isAnyNoted = plan.notes.map(({ sql }) => sql).join(' OR ');
  const notes =
    told.length === 0
      ? []
      : [
          `CASE WHEN ${isAnyNoted} THEN list_filter(CAST([${told.join(', ')}] AS INTEGER[]), lambda note: note IS NOT NULL) END AS _notes`,
        ];
  const isSound = all(plan.faults.map(({ sql }) => `${sql} IS NULL`));
  // A record that the piece does not say it has is not left out: its line fails the statement.
  const where = `${RECORD} >= ${piece.records} OR ${isSound}`;
  const select = `SELECT ${[...columns, `${lines.source} AS _source`, `${lines.line} AS _line`, ...notes].join(', ')} FROM (${computed(plan, records)})${lines.join} WHERE ${where}`;
  const rows = await session.copy(select, files.path, parquetOptions(plan.landing.length));
  if (rows === 0) await rm(files.path, { force: true });
  return rows;
}

/** All that is named of a piece. A window over it keeps DuckDB from computing everything a second time in a filter. */
function computed(plan: Plan, records: string): string {
  return `SELECT *, row_number() OVER () AS ${identifier('#barrier')} FROM (${plan.pipeline.sql(records)})`;
}

/** Writes what did not land, if there is anything. */
async function quarantine(run: Run, rows: number): Promise<{ quarantined: number; failure?: string }> {
  const { piece, plan, records, lines, session, request, files } = run;
  const all = request.quarantineAll;
  if (rows === piece.records && piece.rejected.length === 0) return { quarantined: 0 };
  const faults = all === undefined ? plan.faults : [{ sql: literal(`${all.reason} ${all.detail}`), subject: '' }];
  const source = all === undefined ? computed(plan, left(run, rows)) : plan.unread(records);
  const select = rows === piece.records ? undefined : setAside(source, faults, plan.raw, lines);
  const written = await writeQuarantine(select, piece.rejected, plan.hasPersonal, files.quarantinePath, session);
  return { quarantined: written.rows, ...(written.failure === undefined ? {} : { failure: written.failure }) };
}

/**
 * Records that have not landed: only they are computed a second time. Which they are is told by the lines of those that
 * have, without reading the piece: no two records of it have the same line.
 */
function left({ piece, records, lines, files }: Run, landed: number): string {
  if (landed === 0) return records;
  const { source, line, join: joined, isOneSource } = lines;
  const all = `SELECT range AS ${RECORD} FROM range(${piece.records})`;
  const own = `SELECT ${RECORD}, ${source} AS "#own_source", ${line} AS "#own_line" FROM (${all})${joined}`;
  const isLanded = `"#own_line" = landed._line${isOneSource ? '' : ' AND "#own_source" = landed._source'}`;
  const missing = `SELECT ${RECORD} FROM (${own}) ANTI JOIN read_parquet(${literal(files.path)}) AS landed ON ${isLanded}`;
  return `SELECT * FROM (${records}) SEMI JOIN (${missing}) USING (${RECORD})`;
}

/** How many of the rows that landed a check warns of, or lost a value. */
async function noted(
  notes: readonly Note[],
  path: string,
  session: Session,
): Promise<Pick<StagedPiece, 'warned' | 'dropped'>> {
  const counts: Pick<StagedPiece, 'warned' | 'dropped'> = { warned: {}, dropped: {} };
  if (notes.length === 0) return counts;
  const rows = await session.rows(
    `SELECT note, count(*) FROM (SELECT unnest(_notes) AS note FROM read_parquet(${literal(path)})) GROUP BY note ORDER BY note`,
  );
  for (const [index, count] of rows) {
    const note = notes[Number(index)];
    if (note === undefined) throw new StagingError(`there is no note ${String(index)}`);
    counts[note.kind][note.name] = (counts[note.kind][note.name] ?? 0) + Number(count);
  }
  return counts;
}
