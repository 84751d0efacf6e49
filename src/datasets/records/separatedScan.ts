import { CARRIAGE_RETURN, LINE_FEED } from './bytes.js';
import type { Window } from './window.js';

/** Of one record, without the end of its last line. */
export const MOST_RECORD_BYTES = 4_194_304;

export interface Separators {
  /** A byte of ASCII. */
  delimiter: number;
  /** A byte of ASCII; -1: nothing is quoted. */
  quote: number;
}

/** What is none: text follows a quote that closes, a quote never closes, or it has more than MOST_RECORD_BYTES. */
export type Wrong = 'text after a quote' | 'open quote' | 'too long';
/** What begins at a place; incomplete: the window ends before it does. */
export type Found = 'record' | 'incomplete' | Wrong;

/** Positions in the text, from the end of the first line of a record that was none to where it was given up. */
interface WrongWay {
  from: number;
  to: number;
  /** How it ended, or whether it was within quotes where it was given up. */
  end: 'text after a quote' | 'quoted' | 'text';
}

const SPACE = 32;

/**
 * Tells the records of separated values apart, by RFC 4180: a quote opens only at the beginning of a field, and a doubled
 * one within quotes stands for itself. Outside of quotes \n, \r\n and \r end a record.
 *
 * A record that is none costs one line; the next one is looked for from the line after. Were each line of a file to open
 * a quote that does not close, 4 MiB would be read for each. So the last wrong way is kept: where a line ends within
 * quotes all records stand alike, and a later one goes on where the wrong one was given up.
 */
export class SeparatedScan {
  /** Fields that a record should have: says where `cutEnd` is. */
  columns = 0;
  fields = 0;
  lines = 0;
  /** Of what is none: the column whose quote is wrong or, if it got past its first line, that opens a quote there. */
  wrongColumn = 0;
  /** Of the record that was found: behind its last field, as an index of the window's bytes. */
  contentEnd = 0;
  /** Behind its field number `columns`, where it has more. */
  cutEnd = 0;
  /** Behind the end of its last line. */
  end = 0;
  /** A field begins with spaces and a quote, which is text here. DuckDB would take it for a quoted one. */
  hasSpacedQuote = false;
  readonly #separators: Separators;
  #wrong: WrongWay | undefined;
  #found: Found = 'record';
  #firstEnd = 0;

  constructor(separators: Separators) {
    this.#separators = separators;
  }

  /** Looks at what begins at an index of the window's bytes, which is before their end. */
  find(window: Window, from: number): Found {
    const wrong = this.#wrong;
    if (wrong === undefined || window.base + from >= wrong.to) return this.#find(window, from, undefined);
    const found = this.#find(window, from, wrong);
    // The fields that were leapt over have to be counted.
    return found === 'record' ? this.#find(window, from, undefined) : found;
  }

  /**
   * Loops end at the line feed that stands behind a window, or at what is no text: that is one comparison less for each
   * byte than a bound.
   */
  #find(window: Window, from: number, wrong: WrongWay | undefined): Found {
    const { bytes, end, isEnd } = window;
    const { delimiter, quote } = this.#separators;
    const greatest = Math.max(delimiter, CARRIAGE_RETURN);
    const columns = this.columns;
    let at = from;
    let fields = 1;
    let byte: number;
    this.lines = 1;
    this.hasSpacedQuote = false;
    for (;;) {
      byte = bytes[at] ?? LINE_FEED;
      if (byte === quote) {
        // Most quoted fields have neither quotes nor line ends, and are cheaper without a call.
        let close = at + 1;
        while ((byte = bytes[close] ?? LINE_FEED) !== quote && byte > CARRIAGE_RETURN) close += 1;
        if (byte === quote && close + 1 < end && this.#isEnd(bytes[close + 1])) at = close + 1;
        else {
          this.fields = fields;
          at = this.#closing(window, from, at + 1, wrong);
          if (at < 0) return this.#found;
        }
      } else if (byte === SPACE) this.#seeSpaces(bytes, at);
      for (;;) {
        byte = bytes[at] ?? LINE_FEED;
        if (byte <= greatest && (byte === delimiter || byte === LINE_FEED || byte === CARRIAGE_RETURN)) break;
        at += 1;
      }
      if (byte !== delimiter) break;
      if (fields === columns) this.cutEnd = at;
      fields += 1;
      at += 1;
    }
    this.fields = fields;
    if (at > from + MOST_RECORD_BYTES) {
      // A field may begin here; within one the next goes on.
      this.#keep(window.base + at - 1, 'text');
      return 'too long';
    }
    if (at >= end && !isEnd) return 'incomplete';
    const isReturn = byte === CARRIAGE_RETURN && at < end;
    if (isReturn && at + 1 === end && !isEnd) return 'incomplete';
    this.contentEnd = at;
    this.end = Math.min(end, at + (isReturn && bytes[at + 1] === LINE_FEED ? 2 : 1));
    return 'record';
  }

  /** The index behind the quote that closes; -1: `#found` says what there is instead. */
  #closing(window: Window, from: number, first: number, wrong: WrongWay | undefined): number {
    const { bytes, end, isEnd, base } = window;
    const { quote } = this.#separators;
    const most = from + MOST_RECORD_BYTES;
    for (let at = first; ;) {
      let byte = bytes[at] ?? LINE_FEED;
      while (byte !== quote && byte !== LINE_FEED && byte !== CARRIAGE_RETURN) byte = bytes[(at += 1)] ?? LINE_FEED;
      if (at >= end) {
        if (at <= most && !isEnd) return this.#none('incomplete');
        this.#keep(base + at, 'quoted');
        return this.#none(at > most ? 'too long' : 'open quote');
      }
      // A quote may be doubled, and a return the first of two that end a line.
      if (byte !== LINE_FEED && at + 1 === end && !isEnd) return this.#none('incomplete');
      const next = bytes[at + 1];
      if (byte === quote && next === quote) at += 2;
      else if (byte === quote) {
        if (this.#isEnd(next)) return at + 1;
        this.#keep(base + at, 'text after a quote');
        return this.#none(at > most ? 'too long' : 'text after a quote');
      } else {
        at = Math.min(end, at + (byte === CARRIAGE_RETURN && next === LINE_FEED ? 2 : 1));
        this.lines += 1;
        if (this.lines > 2) continue;
        this.#firstEnd = base + at;
        this.wrongColumn = this.fields;
        if (wrong === undefined || this.#firstEnd < wrong.from || this.#firstEnd > wrong.to) continue;
        at = wrong.to - base;
        if (wrong.end === 'text after a quote') return this.#none(at > most ? 'too long' : 'text after a quote');
        if (wrong.end === 'text') return at;
      }
    }
  }

  /** Of a field. */
  #isEnd(byte: number | undefined): boolean {
    return byte === this.#separators.delimiter || byte === LINE_FEED || byte === CARRIAGE_RETURN;
  }

  #none(found: Found): -1 {
    this.#found = found;
    if (this.lines === 1) this.wrongColumn = this.fields;
    return -1;
  }

  #keep(to: number, end: WrongWay['end']): void {
    if (this.lines > 1) this.#wrong = { from: this.#firstEnd, to, end };
  }

  #seeSpaces(bytes: Buffer, from: number): void {
    if (this.#separators.delimiter === SPACE) return;
    let at = from;
    while (bytes[at] === SPACE) at += 1;
    if (bytes[at] === this.#separators.quote) this.hasSpacedQuote = true;
  }
}
