import { gzipSync } from 'node:zlib';
import type { SourceFile } from './record.js';

export type Encoding = 'utf-8' | 'utf-8-bom' | 'utf-16le' | 'utf-16be' | 'latin-1';

/** How a file of separated values is written. */
export interface CsvStyle {
  delimiter: string;
  newline: '\n' | '\r\n';
  encoding: Encoding;
  gzip: boolean;
}

export const PLAIN_CSV: CsvStyle = { delimiter: ',', newline: '\n', encoding: 'utf-8', gzip: false };

/** Writes separated values and knows on which line each row begins. */
export class CsvFile {
  readonly #parts: Buffer[] = [];
  #line = 1;

  constructor(
    readonly name: string,
    private readonly style: CsvStyle,
    header: readonly string[],
  ) {
    this.row(header);
  }

  /** Quotes what needs it. Answers the line that the row begins on. */
  row(fields: readonly string[]): number {
    return this.#write(fields.map((field) => this.#quoted(field)).join(this.style.delimiter) + this.style.newline);
  }

  /** A row whose last field opens a quote that nothing closes. Only as the last one: all that follows would be in it. */
  unclosedRow(fields: readonly string[]): number {
    const row = fields.map((field) => this.#quoted(field)).join(this.style.delimiter);
    return this.#write(`${row}${this.style.delimiter}"never closed`);
  }

  /** A row whose first field has text behind its closing quote. The other fields have no line feeds, so it is one line. */
  misquotedRow([first = '', ...fields]: readonly string[]): number {
    const rest = fields.map((field) => this.#quoted(field.replaceAll(/[\r\n]/g, ' ')));
    return this.#write([`"${first}"x`, ...rest].join(this.style.delimiter) + this.style.newline);
  }

  /** A row that has a byte in its first field that is no UTF-8. Only in a file that is UTF-8. */
  brokenRow([first = '', ...fields]: readonly string[]): number {
    const rest = [``, ...fields.map((field) => this.#quoted(field))].join(this.style.delimiter) + this.style.newline;
    const line = this.#line;
    this.#parts.push(Buffer.from(first, 'utf8'), Buffer.of(0xe9));
    this.#write(rest);
    return line;
  }

  file(): SourceFile {
    const bytes = Buffer.concat([byteOrderMark(this.style.encoding), ...this.#parts]);
    return { name: this.name, bytes: this.style.gzip ? gzipped(bytes) : bytes };
  }

  #write(text: string): number {
    const line = this.#line;
    this.#parts.push(encoded(text, this.style.encoding));
    this.#line += text.split('\n').length - 1;
    return line;
  }

  #quoted(field: string): string {
    const needsQuotes = field.includes(this.style.delimiter) || /["\r\n]/.test(field);
    return needsQuotes ? `"${field.replaceAll('"', '""')}"` : field;
  }
}

/** gzip as `gzip -n` writes it: without a time, so that the same text gives the same bytes. */
export function gzipped(bytes: Buffer): Buffer {
  return gzipSync(bytes, { level: 6 });
}

function byteOrderMark(encoding: Encoding): Buffer {
  if (encoding === 'utf-8-bom') return Buffer.of(0xef, 0xbb, 0xbf);
  if (encoding === 'utf-16le') return Buffer.of(0xff, 0xfe);
  return encoding === 'utf-16be' ? Buffer.of(0xfe, 0xff) : Buffer.alloc(0);
}

/** Throws RangeError for a text that the encoding has no bytes for. */
function encoded(text: string, encoding: Encoding): Buffer {
  switch (encoding) {
    case 'utf-8':
    case 'utf-8-bom':
      return Buffer.from(text, 'utf8');
    case 'utf-16le':
      return Buffer.from(text, 'utf16le');
    case 'utf-16be':
      return Buffer.from(text, 'utf16le').swap16();
    case 'latin-1':
      if (/[^\0-\u00ff]/.test(text)) throw new RangeError(`no Latin-1: ${text}`);
      return Buffer.from(text, 'latin1');
  }
}
