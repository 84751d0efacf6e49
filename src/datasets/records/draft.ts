import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { copyBytes } from './copyBytes.js';
import { LINE_FEED } from './bytes.js';
import type { LineMark, Piece, Position, RejectedRecord } from './piece.js';

export interface DraftOptions {
  /** Folder that its file is written to. */
  dir: string;
  kind: 'separated' | 'json';
  /** Bytes of its records, of those that are rejected as well. */
  maxBytes: number;
  /** Its records, those that are rejected as well. */
  maxRecords: number;
  /** Memory of pieces before it, that it may use, and leaves for the next. */
  spare: Buffer[];
}

/** Written at a time. */
const CHUNK_BYTES = 2_097_152;
/** What waits to be written before `settled` waits. */
const MOST_UNWRITTEN_BYTES = 3 * CHUNK_BYTES;
/** Records that are set aside are kept in memory. */
const MOST_REJECTED = 25_000;
const BYTE_ORDER_MARK = Buffer.from('\ufeff');

/** A piece that is being written. */
export class PieceDraft {
  /** Of its records; undefined while none has said. */
  columns: readonly string[] | undefined;
  readonly #options: DraftOptions;
  readonly #rejected: RejectedRecord[] = [];
  readonly #marks: LineMark[] = [];
  #records = 0;
  #bytes = 0;
  #source = '';
  #nextLine = 0;
  readonly #path: string;
  readonly #file: WriteStream;
  #chunk: Buffer;
  #length = 0;
  #isEmpty = true;

  constructor(options: DraftOptions) {
    this.#options = options;
    this.#chunk = this.#newChunk();
    this.#path = join(options.dir, `piece-${randomUUID()}.${options.kind === 'json' ? 'ndjson' : 'csv'}`);
    this.#file = createWriteStream(this.#path, { flags: 'wx', highWaterMark: MOST_UNWRITTEN_BYTES });
    // It is told by `settled` or `close`.
    this.#file.on('error', () => undefined);
  }

  get read(): number {
    return this.#records + this.#rejected.length;
  }

  get isFull(): boolean {
    const { maxRecords, maxBytes } = this.#options;
    return this.read >= maxRecords || this.#bytes >= maxBytes || this.#rejected.length >= MOST_REJECTED;
  }

  /** Counts a record, which `append` writes. */
  count(source: string, line: number, bytes: number): void {
    if (line !== this.#nextLine || source !== this.#source) {
      this.#marks.push({ record: this.#records, source, line });
      this.#source = source;
    }
    this.#nextLine = line + 1;
    this.#records += 1;
    this.#bytes += bytes;
  }

  reject(record: RejectedRecord): void {
    this.#rejected.push(record);
    this.#bytes += record.raw.length;
  }

  /** Adds records to the file, all but the end of the last line. */
  append(bytes: Uint8Array, from: number, to: number): void {
    // DuckDB takes a mark off the beginning of a file, where it is text, too. Of two it takes one.
    if (this.#isEmpty && BYTE_ORDER_MARK.equals(bytes.subarray(from, Math.min(to, from + 3))))
      this.#add(BYTE_ORDER_MARK, 0, 3);
    this.#isEmpty = false;
    this.#add(bytes, from, to);
    if (this.#length === this.#chunk.length) this.#write();
    this.#chunk[this.#length++] = LINE_FEED;
  }

  /** Waits until not too much waits to be written. */
  async settled(): Promise<void> {
    if (this.#file.errored !== null) throw this.#file.errored;
    if (this.#file.writableNeedDrain) await once(this.#file, 'drain');
  }

  /** The piece, whose file is whole. */
  async close(next: Position | undefined): Promise<Piece> {
    if (this.#length > 0) this.#write();
    this.#file.end();
    await finished(this.#file);
    this.#options.spare.push(this.#chunk);
    const common = {
      read: this.read,
      rejected: this.#rejected,
      marks: this.#marks,
      ...(next === undefined ? {} : { next }),
      path: this.#path,
      records: this.#records,
    };
    return this.#options.kind === 'json'
      ? { ...common, kind: 'json' }
      : { ...common, kind: 'separated', columns: [...(this.columns ?? [])] };
  }

  /** Removes its file. */
  async discard(): Promise<void> {
    this.#file.destroy();
    await finished(this.#file).catch(() => undefined);
    await rm(this.#path, { force: true });
  }

  #add(bytes: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to;) {
      if (this.#length === this.#chunk.length) this.#write();
      const end = Math.min(to, at + this.#chunk.length - this.#length);
      this.#length = copyBytes(bytes, at, end, this.#chunk, this.#length);
      at = end;
    }
  }

  #write(): void {
    const chunk = this.#chunk;
    this.#file.write(chunk.subarray(0, this.#length), () => this.#options.spare.push(chunk));
    this.#chunk = this.#newChunk();
    this.#length = 0;
  }

  #newChunk(): Buffer {
    return this.#options.spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
  }
}
