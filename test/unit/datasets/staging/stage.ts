import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { parseManifest, type Manifest } from '../../../../src/datasets/index.js';
import type { LineMark, Piece, RejectedRecord } from '../../../../src/datasets/records/piece.js';
import {
  openStaging,
  type QuarantinedRow,
  type StagedPiece,
  type StageRequest,
  type Staging,
} from '../../../../src/datasets/staging/index.js';

/** What became of a piece, with what its files hold. */
export interface Staged extends StagedPiece {
  /** Of each row that landed its columns as texts, by its line. */
  landed: Map<number, (string | null)[]>;
  setAside: Map<number, QuarantinedRow>;
}

export const KEY = 'a key of a test';

/** A real DuckDB in a folder of its own, and another one that reads what it wrote. */
export class Bench {
  readonly #reader: DuckDBConnection;

  private constructor(
    readonly dir: string,
    readonly staging: Staging,
    reader: DuckDBConnection,
  ) {
    this.#reader = reader;
  }

  static async open(): Promise<Bench> {
    const dir = await mkdtemp(join(tmpdir(), 'penstock-staging-'));
    const reader = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
    return new Bench(dir, await openStaging({ dir }), reader);
  }

  async close(): Promise<void> {
    await this.staging.close();
    this.#reader.closeSync();
    await rm(this.dir, { recursive: true });
  }

  /** Runs SQL of a test's own, which the staging does not see. */
  async sql(sql: string): Promise<unknown[][]> {
    return (await this.#reader.runAndReadAll(sql)).getRowsJson();
  }

  /** Stages rows of CSV, the first of them on line 2. */
  async rows(
    manifest: Manifest,
    columns: readonly string[],
    rows: readonly (readonly string[])[],
    request: Partial<StageRequest> & { marks?: LineMark[]; rejected?: RejectedRecord[] } = {},
  ): Promise<Staged> {
    const path = join(this.dir, 'rows.csv');
    const field = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    await writeFile(path, rows.map((row) => `${row.map(field).join(',')}\n`).join(''));
    const { marks = [{ record: 0, source: 'rows.csv', line: 2 }], rejected = [], ...rest } = request;
    const read = rows.length + rejected.length;
    return this.piece(
      manifest,
      { kind: 'separated', path, columns: [...columns], records: rows.length, read, rejected, marks },
      rest,
    );
  }

  /** Stages lines of JSON. */
  async json(manifest: Manifest, lines: readonly string[], request: Partial<StageRequest> = {}): Promise<Staged> {
    const path = join(this.dir, 'rows.ndjson');
    await writeFile(path, lines.map((line) => `${line}\n`).join(''));
    const marks = [{ record: 0, source: 'rows.ndjson', line: 1 }];
    return this.piece(
      manifest,
      { kind: 'json', path, records: lines.length, read: lines.length, rejected: [], marks },
      request,
    );
  }

  async piece(manifest: Manifest, piece: Piece, request: Partial<StageRequest> = {}): Promise<Staged> {
    const staged = await this.staging.stage(piece, {
      manifest,
      logicalDate: new Date('2024-05-01T06:00:00Z'),
      secrets: () => KEY,
      lookup: () => Promise.reject(new Error('no lookup was expected')),
      ...request,
    });
    return { ...staged, landed: await this.#landed(staged.path), setAside: await setAside(staged.quarantinePath) };
  }

  async #landed(path: string | undefined): Promise<Staged['landed']> {
    if (path === undefined) return new Map();
    const rows = await this.sql(
      `SELECT _line, COLUMNS(c -> c LIKE 'c%')::VARCHAR FROM read_parquet('${path}') ORDER BY _line`,
    );
    return new Map(rows.map(([line, ...columns]) => [Number(line), columns as (string | null)[]]));
  }
}

async function setAside(path: string | undefined): Promise<Staged['setAside']> {
  if (path === undefined) return new Map();
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  const rows = lines.map((line) => JSON.parse(line) as QuarantinedRow);
  return new Map(rows.map((row) => [row.line, row]));
}

/** A manifest with these columns, each in YAML's braces. */
export function manifestOf(columns: readonly string[], more = '', format = 'type: csv'): Manifest {
  const text = `version: penstock/v1
name: rows
source: { type: files, folder: /data, match: ['*'] }
format: { ${format} }
columns:
${columns.map((column) => `  - { ${column} }`).join('\n')}
target: { mode: append, orderBy: [tuple()] }
${more}`;
  return parseManifest(text, 'rows.yaml').manifest;
}

/**
 * What becomes of each text as a column of a type: what is carried to ClickHouse, or `! ` and why it is not. A number
 * beside it gives each its line.
 */
export async function readAs(bench: Bench, column: string, texts: readonly string[]): Promise<(string | null)[]> {
  const manifest = manifestOf([column, 'name: n, type: UInt32']);
  const { landed, setAside: aside } = await bench.rows(
    manifest,
    ['v', 'n'],
    texts.map((text, index) => [text, String(index)]),
  );
  return texts.map((_, index) => {
    const row = landed.get(index + 2);
    return row === undefined ? `! ${aside.get(index + 2)?.detail ?? 'lost'}` : (row[0] ?? null);
  });
}
