import type { Cutter } from './cutter.js';
import type { PieceDraft } from './draft.js';
import { faultOfBytes, NOT_UTF8, type Fault } from './fault.js';
import { InputError } from './inputError.js';
import { CARRIAGE_RETURN, LINE_FEED } from './bytes.js';
import { isAnyEnd, rawText, takeLine } from './line.js';
import type { Position } from './piece.js';
import { Run } from './run.js';
import { namesOf, withSpacedQuotes, wrongNames } from './separatedFields.js';
import { MOST_RECORD_BYTES, SeparatedScan, type Found, type Wrong } from './separatedScan.js';
import { separatorsOf, type SeparatedFormat } from './separators.js';
import type { Window } from './window.js';

/** Cuts CSV and TSV. What is right goes on as it is written; only line ends become \n. */
export class SeparatedCutter implements Cutter {
  readonly #scan: SeparatedScan;
  #line: number;
  #columns: readonly string[] | undefined;
  readonly #run = new Run();

  private constructor(
    private readonly window: Window,
    private readonly source: string,
    private readonly format: SeparatedFormat,
    { line, columns }: Pick<Position, 'line' | 'columns'>,
  ) {
    this.#scan = new SeparatedScan(separatorsOf(format));
    this.#line = line;
    this.#setColumns(columns);
  }

  /** `from`: what `position` said of this input; undefined at its beginning, where its header is. */
  static async open(
    window: Window,
    source: string,
    format: SeparatedFormat,
    from: Pick<Position, 'line' | 'columns'> | undefined,
  ): Promise<SeparatedCutter> {
    const cutter = new SeparatedCutter(window, source, format, from ?? { line: 1 });
    if (from === undefined) await cutter.#readHeader();
    return cutter;
  }

  position(): Omit<Position, 'input'> {
    const columns = this.#columns;
    return {
      byte: this.window.position,
      line: this.#line,
      ...(columns === undefined ? {} : { columns: [...columns] }),
    };
  }

  async fill(piece: PieceDraft): Promise<'full' | 'end'> {
    for (;;) {
      const stop = this.#take(piece);
      this.#run.write(piece, this.window.bytes);
      if (stop === 'full') return 'full';
      await piece.settled();
      if (stop !== 'incomplete') await this.#setLineAside(piece, stop);
      else if (!(await this.window.more())) return 'end';
    }
  }

  /** Takes all records that are whole in the window, as long as the piece takes them. */
  #take(piece: PieceDraft): 'full' | Exclude<Found, 'record'> {
    for (;;) {
      const found = this.#next();
      if (found === 'incomplete') return found;
      if (found === 'record' && this.#columns === undefined)
        this.#setColumns(Array.from({ length: this.#scan.fields }, (_, index) => `c${index + 1}`));
      if (piece.isFull || !this.#fits(piece)) return 'full';
      if (found !== 'record') return found;
      this.#add(piece);
      this.window.start = this.#scan.end;
      this.#line += this.#scan.lines;
    }
  }

  /** What begins behind blank lines. */
  #next(): Found {
    const { window } = this;
    while (window.start < window.end) {
      const byte = window.bytes[window.start];
      if (byte !== LINE_FEED && byte !== CARRIAGE_RETURN) return this.#scan.find(window, window.start);
      if (byte === CARRIAGE_RETURN) {
        if (window.start + 1 === window.end && !window.isEnd) return 'incomplete';
        if (window.start + 1 < window.end && window.bytes[window.start + 1] === LINE_FEED) window.start += 1;
      }
      window.start += 1;
      this.#line += 1;
    }
    return 'incomplete';
  }

  #fits(piece: PieceDraft): boolean {
    const columns = this.#columns;
    if (columns === undefined || columns === piece.columns) return true;
    piece.columns ??= columns;
    if (!isSame(columns, piece.columns)) return false;
    this.#columns = piece.columns;
    return true;
  }

  /** Adds the record that was found, or sets it aside. */
  #add(piece: PieceDraft): void {
    const { window } = this;
    const { fields, contentEnd, end, hasSpacedQuote } = this.#scan;
    const from = window.start;
    const columns = this.#columns?.length ?? 0;
    if (!window.isClean(from, contentEnd) || fields !== columns) {
      const fault = this.#faultOf(from, columns);
      if (fault !== undefined) {
        const raw = rawText(window.bytes, from, contentEnd);
        piece.reject({ source: this.source, line: this.#line, ...fault, raw });
        return;
      }
    }
    if (fields === columns && !hasSpacedQuote) this.#run.add(window.bytes, from, contentEnd);
    else {
      this.#run.write(piece, window.bytes);
      const record = this.#rewritten(from, columns);
      piece.append(record, 0, record.length);
    }
    piece.count(this.source, this.#line, end - from);
  }

  #faultOf(from: number, columns: number): Fault | undefined {
    const { fields, contentEnd, cutEnd } = this.#scan;
    if (!this.window.isClean(from, contentEnd)) return faultOfBytes(this.window.bytes.subarray(from, contentEnd));
    const detail = `has ${counted(fields)}, and should have ${columns}`;
    if (fields < columns)
      return this.format.missingColumns === 'null' ? undefined : { reason: 'MISSING_COLUMNS', detail };
    // One empty field without quotes would be a blank line.
    const isNothing = cutEnd === from && columns === 1 && this.format.quote === '';
    return this.format.extraColumns === 'ignore' && !isNothing ? undefined : { reason: 'EXTRA_COLUMNS', detail };
  }

  #rewritten(from: number, columns: number): Buffer {
    const { fields, contentEnd, cutEnd, hasSpacedQuote } = this.#scan;
    const { delimiter } = separatorsOf(this.format);
    const written = this.window.bytes.subarray(from, fields > columns ? cutEnd : contentEnd);
    if (written.length === 0) return Buffer.from(this.format.quote.repeat(2));
    const record = hasSpacedQuote ? withSpacedQuotes(written, separatorsOf(this.format)) : written;
    return fields < columns ? Buffer.concat([record, Buffer.alloc(columns - fields, delimiter)]) : record;
  }

  async #setLineAside(piece: PieceDraft, wrong: Wrong): Promise<void> {
    const detail = detailOf(wrong, this.#scan);
    const raw = rawText(await takeLine(this.window, isAnyEnd));
    const reason = wrong === 'too long' ? 'TOO_LONG' : 'MALFORMED';
    piece.reject({ source: this.source, line: this.#line, reason, detail, raw });
    this.#line += 1;
  }

  async #readHeader(): Promise<void> {
    const { window, source } = this;
    for (let skipped = 0; skipped < this.format.skip; skipped += 1) {
      if (window.start === window.end && !(await window.more())) return;
      await takeLine(window, isAnyEnd);
      this.#line += 1;
    }
    if (!this.format.header) return;
    let found = this.#next();
    while (found === 'incomplete' && (await window.more())) found = this.#next();
    if (found === 'incomplete') return;
    const { contentEnd, end, lines } = this.#scan;
    const refuse = (why: string): InputError => new InputError(source, `line ${this.#line}, the header: ${why}`);
    if (found !== 'record') throw refuse(detailOf(found, this.#scan));
    if (!window.isClean(window.start, contentEnd)) throw refuse(NOT_UTF8);
    const names = namesOf(window.bytes.subarray(window.start, contentEnd), separatorsOf(this.format));
    const wrong = wrongNames(names);
    if (wrong !== undefined) throw refuse(wrong);
    this.#setColumns(names);
    window.start = end;
    this.#line += lines;
  }

  #setColumns(columns: readonly string[] | undefined): void {
    this.#columns = columns;
    this.#scan.columns = columns?.length ?? 0;
  }
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((name, index) => name === others[index]);
}

function counted(fields: number): string {
  return fields === 1 ? '1 column' : `${fields} columns`;
}

function detailOf(wrong: Wrong, { lines, wrongColumn }: SeparatedScan): string {
  if (wrong === 'too long') return `the record that begins here has more than ${MOST_RECORD_BYTES} bytes`;
  if (wrong === 'text after a quote' && lines === 1) return `text follows the quote that closes column ${wrongColumn}`;
  return `the quote that opens column ${wrongColumn} is not closed, or not at the end of a column`;
}
