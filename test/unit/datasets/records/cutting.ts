import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  cutPieces,
  readJsonLines,
  readSeparated,
  type CutOptions,
  type Piece,
  type Position,
  type RecordInput,
  type RejectedRecord,
} from '../../../../src/datasets/records/index.js';
import { formatSchema, type DatasetFormat } from '../../../../src/datasets/manifest/format.js';

export type Row = { source: string; line: number; fields: string[] };

export interface Cut {
  rows: Row[];
  rejected: RejectedRecord[];
  pieces: Piece[];
}

export const csv = (but: object = {}): DatasetFormat => formatSchema.parse({ type: 'csv', ...but });

/** Rows of two columns. */
export const count = (rows: number): string =>
  Array.from({ length: rows }, (_, index) => `${index},row ${index * index} of it\n`).join('');

/** An input of bytes that come in chunks of a size. */
export function input(source: string, content: string | Uint8Array, chunkBytes = 10_000): RecordInput {
  const bytes = Buffer.from(content);
  return { source, open: (fromByte) => Promise.resolve(chunks(bytes.subarray(fromByte), chunkBytes)) };
}

export async function* chunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Cuts, reads each piece with DuckDB as a staging would, and deletes it. */
export class Bench {
  readonly dir: string;
  /** For inputs that have to be files. */
  readonly files: string;
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;

  private constructor(dir: string, instance: DuckDBInstance, connection: DuckDBConnection) {
    this.dir = join(dir, 'pieces');
    this.files = join(dir, 'files');
    this.#instance = instance;
    this.#connection = connection;
  }

  static async open(): Promise<Bench> {
    const instance = await DuckDBInstance.create(':memory:');
    const bench = new Bench(await mkdtemp(join(tmpdir(), 'records-')), instance, await instance.connect());
    await Promise.all([bench.dir, bench.files].map((folder) => mkdir(folder)));
    return bench;
  }

  async close(): Promise<void> {
    this.#connection.closeSync();
    this.#instance.closeSync();
    await rm(dirname(this.dir), { recursive: true });
  }

  async run(sql: string): Promise<unknown[][]> {
    return (await this.#connection.runAndReadAll(sql)).getRowsJS();
  }

  async cut(
    inputs: readonly RecordInput[] | AsyncIterable<RecordInput>,
    options: Omit<CutOptions, 'dir'>,
  ): Promise<Cut> {
    const cut: Cut = { rows: [], rejected: [], pieces: [] };
    for await (const piece of cutPieces(inputs, { ...options, dir: this.dir })) {
      const rows = await this.rows(piece, options.format);
      if (rows.length !== piece.records || piece.read !== piece.records + piece.rejected.length)
        throw new Error(
          `${rows.length} rows, ${piece.records} records, ${piece.rejected.length} rejected of ${piece.read}`,
        );
      cut.rows = cut.rows.concat(placed(rows, piece));
      cut.rejected = cut.rejected.concat(piece.rejected);
      cut.pieces.push(piece);
      if (piece.kind !== 'parquet') await rm(piece.path);
    }
    const left = await readdir(this.dir);
    if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
    return cut;
  }

  /** Fields of separated values as hex: JavaScript's decoder would take a byte order mark off. */
  async rows(piece: Piece, format: DatasetFormat): Promise<string[][]> {
    if (piece.kind === 'parquet') {
      const rows = await this.run(
        `SELECT * FROM read_parquet('${piece.path}') LIMIT ${piece.records} OFFSET ${piece.firstRow}`,
      );
      return rows.map((row) => row.map(String));
    }
    if (piece.kind === 'json')
      return (await this.run(`SELECT record FROM ${readJsonLines(piece.path)}`)).map((row) => row.map(String));
    if (piece.columns.length === 0 || (format.type !== 'csv' && format.type !== 'tsv')) return [];
    const hex = piece.columns.map((name) => `hex("${name.replaceAll('"', '""')}")`);
    const rows = await this.run(`SELECT ${hex.join(', ')} FROM ${readSeparated(piece.path, piece.columns, format)}`);
    return rows.map((row) =>
      row.map((field) => (typeof field === 'string' ? Buffer.from(field, 'hex').toString() : 'NULL')),
    );
  }
}

/** Source and line of each row, by the marks of its piece. */
function placed(rows: readonly string[][], { marks }: Piece): Row[] {
  let next = 0;
  return rows.map((fields, index) => {
    if (marks[next]?.record === index) next += 1;
    const mark = marks[next - 1];
    if (mark === undefined) throw new Error(`no mark for record ${index}`);
    return { source: mark.source, line: mark.line + index - mark.record, fields };
  });
}

/** Where the pieces after the first begin. */
export function nexts({ pieces }: Cut): Position[] {
  return pieces.flatMap(({ next }) => (next === undefined ? [] : [next]));
}
