import type { Cutter } from './cutter.js';
import type { PieceDraft } from './draft.js';
import { faultOfBytes, type Fault } from './fault.js';
import { findRecords, leaveRecords } from './jsonPath.js';
import { COMMA, JsonReader } from './jsonReader.js';
import { CLOSE_BRACKET, isSpace, JsonScan, MOST_JSON_BYTES, OneLine, OPEN_BRACE } from './jsonScan.js';
import { rawText } from './line.js';
import { MOST_RAW_BYTES, type Position } from './piece.js';
import { Run } from './run.js';
import type { Window } from './window.js';

/** What can follow: the first record, a record, what is behind one; `only`: a document that is the only record. */
type Expected = 'first' | 'record' | 'behind' | 'only' | 'nothing';

/**
 * Cuts the list of records out of a document of JSON, each record on a line. Left to who parses it: whether what is
 * between the brackets of an object is JSON.
 */
export class JsonCutter implements Cutter {
  readonly #scan = new JsonScan();
  readonly #changed = new OneLine();
  readonly #run = new Run();
  /** Of the record that comes next, from 1. */
  #line: number;

  private constructor(
    private readonly window: Window,
    private readonly source: string,
    private readonly path: readonly string[],
    private readonly reader: JsonReader,
    private expected: Expected,
    line: number,
  ) {
    this.#line = line;
  }

  /**
   * `records`: where the list is, keys with dots between them. Without it the document is the list or, where that is an
   * object, the only record. `line`: what `position` said; undefined at the beginning of the document.
   */
  static async open(
    window: Window,
    source: string,
    records: string | undefined,
    line: number | undefined,
  ): Promise<JsonCutter> {
    const path = records === undefined ? [] : records.split('.');
    const reader = new JsonReader(window, source);
    const expected = line === undefined ? await findRecords(reader, path) : 'record';
    return new JsonCutter(window, source, path, reader, expected, line ?? 1);
  }

  position(): Omit<Position, 'input'> {
    const isWithin = this.expected === 'record' || this.expected === 'behind';
    return { byte: isWithin ? this.window.position : 0, line: this.#line };
  }

  async fill(piece: PieceDraft): Promise<'full' | 'end'> {
    for (;;) {
      const stop = this.#take(piece);
      this.#run.write(piece, this.window.bytes);
      if (stop === 'full') return 'full';
      if (stop === 'end') break;
      await piece.settled();
      if (stop === 'incomplete') {
        if (await this.window.more()) continue;
        this.window.start = this.window.end;
        throw this.reader.unexpected(`']'`);
      }
      await this.#setAside(piece, stop);
    }
    await leaveRecords(this.reader, this.path);
    return 'end';
  }

  /** Takes all records that are whole in the window, as long as the piece takes them. */
  #take(piece: PieceDraft): 'full' | 'end' | 'incomplete' | 'too long' | 'no object' {
    const { window } = this;
    for (;;) {
      if (this.expected === 'nothing') return 'end';
      const { bytes, end } = window;
      let from = window.start;
      while (from < end && isSpace(bytes[from])) from += 1;
      window.start = from;
      if (from === end) return 'incomplete';
      const byte = bytes[from];
      if (this.expected === 'behind' || (this.expected === 'first' && byte === CLOSE_BRACKET)) {
        if (byte !== COMMA && byte !== CLOSE_BRACKET) throw this.reader.unexpected(`',' or ']'`);
        this.expected = byte === COMMA ? 'record' : 'nothing';
        window.start = from + 1;
        continue;
      }
      const to = byte === OPEN_BRACE ? this.#scan.end(bytes, from, end) : -1;
      const isTooLong = (to < 0 ? end : to) - from > MOST_JSON_BYTES;
      if (byte === OPEN_BRACE && to < 0 && !isTooLong) return 'incomplete';
      if (piece.isFull) return 'full';
      if (byte !== OPEN_BRACE) return 'no object';
      if (isTooLong) return 'too long';
      this.#add(piece, from, to);
      window.start = to;
      this.#next();
    }
  }

  #next(): void {
    this.#line += 1;
    this.expected = this.expected === 'only' ? 'nothing' : 'behind';
  }

  #add(piece: PieceDraft, from: number, to: number): void {
    const { window, source } = this;
    const fault = this.#faultOf(from, to);
    if (fault !== undefined) {
      piece.reject({ source, line: this.#line, ...fault, raw: rawText(window.bytes, from, to) });
      return;
    }
    if (this.#scan.edits.length === 0) this.#run.add(window.bytes, from, to);
    else {
      this.#run.write(piece, window.bytes);
      this.#changed.write(window.bytes, from, to, this.#scan.edits);
      piece.append(this.#changed.bytes, 0, this.#changed.length);
    }
    piece.count(source, this.#line, to - from + 1);
  }

  #faultOf(from: number, to: number): Fault | undefined {
    if (!this.window.isClean(from, to)) return faultOfBytes(this.window.bytes.subarray(from, to));
    if (this.#scan.hasControl) return { reason: 'CONTROL_CHARACTERS', detail: 'has a control character' };
    return undefined;
  }

  async #setAside(piece: PieceDraft, why: 'too long' | 'no object'): Promise<void> {
    const { window, source, reader } = this;
    while (window.end - window.start <= MOST_RAW_BYTES && (await window.more()));
    const begin = Buffer.from(
      window.bytes.subarray(window.start, Math.min(window.end, window.start + MOST_RAW_BYTES + 1)),
    );
    const from = window.position;
    await reader.skip();
    const fault: Fault =
      why === 'too long'
        ? { reason: 'TOO_LONG', detail: `has more than ${MOST_JSON_BYTES} bytes` }
        : { reason: 'MALFORMED', detail: 'is no object' };
    piece.reject({
      source,
      line: this.#line,
      ...fault,
      raw: rawText(begin, 0, Math.min(begin.length, window.position - from)),
    });
    this.#next();
  }
}
