import type { Cutter } from './cutter.js';
import type { PieceDraft } from './draft.js';
import { isSpace, JsonScan, MOST_JSON_BYTES, OneLine, OPEN_BRACE } from './jsonScan.js';
import { CARRIAGE_RETURN, LINE_FEED } from './bytes.js';
import { isLineFeed, rawText, takeLine } from './line.js';
import type { Position } from './piece.js';
import { faultOfBytes, type Fault } from './fault.js';
import { Run } from './run.js';
import type { Window } from './window.js';

/**
 * Cuts NDJSON: a record is a line. Left to who parses it: whether what is between the brackets of an object is JSON.
 */
export class NdjsonCutter implements Cutter {
  readonly #scan = new JsonScan();
  readonly #changed = new OneLine();
  readonly #run = new Run();
  #line: number;

  constructor(
    private readonly window: Window,
    private readonly source: string,
    line: number,
  ) {
    this.#line = line;
  }

  position(): Omit<Position, 'input'> {
    return { byte: this.window.position, line: this.#line };
  }

  async fill(piece: PieceDraft): Promise<'full' | 'end'> {
    for (;;) {
      const stop = this.#take(piece);
      this.#run.write(piece, this.window.bytes);
      if (stop === 'full') return 'full';
      await piece.settled();
      if (stop === 'too long') {
        const detail = `has more than ${MOST_JSON_BYTES} bytes`;
        const raw = rawText(await takeLine(this.window, isLineFeed));
        piece.reject({ source: this.source, line: this.#line, reason: 'TOO_LONG', detail, raw });
        this.#line += 1;
      } else if (!(await this.window.more())) return 'end';
    }
  }

  #take(piece: PieceDraft): 'full' | 'incomplete' | 'too long' {
    const { window } = this;
    for (;;) {
      const { bytes, start, end } = window;
      const feed = start < end ? bytes.indexOf(LINE_FEED, start) : -1;
      const isFound = feed >= 0 && feed < end;
      const lineEnd = isFound ? feed : end;
      const isTooLong = lineEnd - start > MOST_JSON_BYTES;
      if (!isTooLong && !isFound && (!window.isEnd || start === end)) return 'incomplete';
      let from = start;
      let to = lineEnd;
      if (!isTooLong) {
        while (from < to && isSpace(bytes[from])) from += 1;
        while (from < to && isSpace(bytes[to - 1])) to -= 1;
      }
      if (from < to) {
        if (piece.isFull) return 'full';
        if (isTooLong) return 'too long';
        this.#add(piece, from, to);
      }
      window.start = isFound ? feed + 1 : end;
      this.#line += 1;
    }
  }

  #add(piece: PieceDraft, from: number, to: number): void {
    const { bytes } = this.window;
    const end = bytes[from] === OPEN_BRACE ? this.#scan.end(bytes, from, to) : -1;
    const fault = this.#faultOf(from, to, end);
    if (fault !== undefined) {
      piece.reject({ source: this.source, line: this.#line, ...fault, raw: rawText(bytes, from, to) });
      return;
    }
    if (this.#scan.edits.length === 0) this.#run.add(bytes, from, to);
    else {
      this.#run.write(piece, bytes);
      this.#changed.write(bytes, from, to, this.#scan.edits);
      piece.append(this.#changed.bytes, 0, this.#changed.length);
    }
    piece.count(this.source, this.#line, to - from + 1);
  }

  #faultOf(from: number, to: number, end: number): Fault | undefined {
    const { bytes } = this.window;
    if (!this.window.isClean(from, to)) return faultOfBytes(bytes.subarray(from, to));
    if (end < 0) return { reason: 'MALFORMED', detail: 'is no whole object of JSON' };
    if (end < to) return { reason: 'MALFORMED', detail: 'something follows its object of JSON' };
    const hasReturn = this.#scan.edits.some((at) => bytes[at] === CARRIAGE_RETURN);
    if (this.#scan.hasControl || hasReturn) return { reason: 'CONTROL_CHARACTERS', detail: 'has a control character' };
    return undefined;
  }
}
