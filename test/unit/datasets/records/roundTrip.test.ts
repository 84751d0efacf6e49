import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatSchema } from '../../../../src/datasets/manifest/format.js';
import { Bench, csv, input, nexts, random, type Cut } from './cutting.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

interface Dialect {
  delimiter: string;
  quote: string;
  lineEnd: string;
}

const LINE_ENDS = ['\n', '\r\n', '\r'];
const DIALECTS = [',', ';', '\t', '|', ' ', 'x', '\u0001'].flatMap((delimiter, some) =>
  ['"', "'", '', '\\'].map((quote, more) => ({ delimiter, quote, lineEnd: LINE_ENDS[(some + more) % 3] ?? '' })),
);
/** What fields are made of: all that means something, and what surrounds it. */
const PARTS = [
  '',
  '',
  'a',
  'Z9',
  ' ',
  '  ',
  '\t',
  '"',
  "'",
  ',',
  ';',
  '|',
  '\\',
  '\n',
  '\r',
  '\r\n',
  '""',
  '","',
  'é',
  '😀',
  '\ufeff',
  '\u2028',
  'NULL',
  '#',
  '\u0001',
  '\u001f',
  '\u007f',
  '-1',
];

/** A field that the dialect can hold. */
function field({ delimiter, quote }: Dialect, next: () => number): string {
  const text = Array.from({ length: Math.floor(next() * 5) }, () => PARTS[Math.floor(next() * PARTS.length)]).join('');
  return quote === '' ? text.replaceAll(/[\r\n]/g, '').replaceAll(delimiter, '') : text;
}

/** As a careful writer writes it: with quotes where they are needed, and at times where they are not. */
function written(text: string, { delimiter, quote }: Dialect, next: () => number): string {
  if (quote === '') return text;
  const isNeeded = text.startsWith(quote) || /[\r\n]/.test(text) || text.includes(delimiter);
  return isNeeded || next() < 0.3 ? quote + text.replaceAll(quote, quote + quote) + quote : text;
}

/** RFC 4180 as a person would write it down, character by character; of a record that is none the first line. */
function reference(text: string, delimiter: string, quote: string): (string[] | { wrong: string })[] {
  const found: (string[] | { wrong: string })[] = [];
  const lineEnd = (at: number): number =>
    text.startsWith('\r\n', at) ? 2 : text[at] === '\n' || text[at] === '\r' ? 1 : 0;
  for (let at = 0; at < text.length;) {
    if (lineEnd(at) > 0) {
      at += lineEnd(at);
      continue;
    }
    const record: string[] = [];
    let isWrong = false;
    let end = at;
    for (let isMore = true; isMore && !isWrong;) {
      let value = '';
      if (quote !== '' && text[end] === quote) {
        end += 1;
        while (end < text.length && (text[end] !== quote || text[end + 1] === quote)) {
          value += text.charAt(end);
          end += text[end] === quote ? 2 : 1;
        }
        isWrong = end >= text.length;
        end += 1;
        isWrong ||= end < text.length && text[end] !== delimiter && lineEnd(end) === 0;
      } else
        while (end < text.length && text[end] !== delimiter && lineEnd(end) === 0) {
          value += text.charAt(end);
          end += 1;
        }
      record.push(value);
      isMore = text[end] === delimiter;
      if (isMore) end += 1;
    }
    if (isWrong) {
      end = at;
      while (end < text.length && lineEnd(end) === 0) end += 1;
      found.push({ wrong: text.slice(at, end) });
    } else found.push(record);
    at = end + lineEnd(end);
  }
  return found;
}

/** Every record in its order: rows and what was set aside, by their lines. */
function inOrder({ rows, rejected }: Cut): (string[] | { wrong: string })[] {
  const all = [
    ...rows.map(({ line, fields }) => ({ line, what: fields })),
    ...rejected.map(({ line, raw }) => ({ line, what: { wrong: raw } })),
  ];
  return all.sort((a, b) => a.line - b.line).map(({ what }) => what);
}

describe('what was written', () => {
  it.each(DIALECTS)('with %j comes out of DuckDB as the same fields', async (dialect) => {
    const next = random(DIALECTS.indexOf(dialect) + 1);
    const columns = 1 + Math.floor(next() * 4);
    const records = Array.from({ length: 300 }, () => Array.from({ length: columns }, () => field(dialect, next)));
    // A record of one empty field without quotes is a blank line.
    const kept = records.filter((record) => columns > 1 || dialect.quote !== '' || record[0] !== '');
    const lines = kept.map((record) => {
      const line = record.map((text) => written(text, dialect, next)).join(dialect.delimiter);
      return line === '' ? dialect.quote.repeat(2) : line;
    });
    const { delimiter, quote, lineEnd } = dialect;
    const format = csv({ delimiter, quote, header: false, encoding: 'utf-8' });
    const text = (lines[0]?.startsWith('\ufeff') ? '\ufeff' : '') + lines.join(lineEnd) + lineEnd;
    const cut = await bench.cut([input('a', text, 77)], { format, maxRecords: 100 });
    expect(cut.rejected).toEqual([]);
    expect(cut.rows.map(({ fields }) => fields)).toEqual(kept);
    expect(cut.pieces.length).toBe(Math.ceil(kept.length / 100));
  });

  it('begins with a character that is also a byte order mark, and keeps it', async () => {
    const whole = await bench.cut([input('a', 'a,b\n\ufeff1,2\n"\ufeff",\n')], { format: csv(), maxRecords: 1 });
    expect(whole.rows.map(({ fields }) => fields)).toEqual([
      ['\ufeff1', '2'],
      ['\ufeff', ''],
    ]);
  });
});

describe('any text', () => {
  const noise = (next: () => number, length: number, parts: readonly string[]): string =>
    Array.from({ length }, () => parts[Math.floor(next() * parts.length)]).join('');
  const lenient = { header: false, missingColumns: 'null', extraColumns: 'ignore', encoding: 'utf-8' };

  it.each(Array.from({ length: 40 }, (_, seed) => seed))('of seed %i is read like a person would', async (seed) => {
    const next = random(1_000 + seed);
    const text =
      'c,c\n' + noise(next, 400, ['a', 'b', ' ', '"', '"', ',', ',', '\n', '\n', '\r', '\r\n', '""', ',"', '",']);
    const cut = await bench.cut([input('a', text, 5)], { format: csv(lenient), maxRecords: 17 });
    const expected = reference(text, ',', '"').map((record) =>
      Array.isArray(record) ? [record[0] ?? '', record[1] ?? ''] : record,
    );
    expect(inOrder(cut)).toEqual(expected);
  });

  it('longer than a window is read the same', async () => {
    const next = random(7);
    const parts = ['a', 'lorem ipsum', '"', '"', ',', '\n', '\r\n', '","', '"\n"', '\n', 'x\n', 'é'];
    const text = 'c,c\n' + noise(next, 250_000, parts);
    const expected = reference(text, ',', '"');
    const cut = await bench.cut([input('a', text)], { format: csv(lenient) });
    expect(text.length).toBeGreaterThan(550_000);
    expect(inOrder(cut).length).toBe(expected.length);
    expect(inOrder(cut)).toEqual(
      expected.map((record) => (Array.isArray(record) ? [record[0] ?? '', record[1] ?? ''] : record)),
    );
  });

  it('longer than a window goes on in the midst of it', async () => {
    const inputs = [
      input('a', `h,i\n${Array.from({ length: 90_000 }, (_, row) => `${row},"x\ny ${row}"\r\n`).join('')}`, 99_999),
    ];
    const whole = await bench.cut(inputs, { format: csv(), maxBytes: 500_000 });
    const done = whole.pieces.map(({ read }) => read);
    expect(done.length).toBeGreaterThan(2);
    for (const [index, from] of nexts(whole).entries()) {
      const rest = await bench.cut(inputs, { format: csv(), from });
      const before = done.slice(0, index + 1).reduce((sum, read) => sum + read, 0);
      expect(rest.rows.slice(0, 100)).toEqual(whole.rows.slice(before, before + 100));
      expect(rest.rows.length).toBe(whole.rows.length - before);
    }
  });

  it('goes on behind each of its pieces with the same records on the same lines', async () => {
    const next = random(8);
    const text = '\ufeffh,i\n' + noise(next, 3_000, ['a', ' "', '"', ',', '\n', '\r\n', '\r', '","', '""', 'é']);
    const format = csv({ missingColumns: 'null', extraColumns: 'quarantine' });
    for (const options of [{ maxRecords: 50 }, { maxBytes: 700 }]) {
      const whole = await bench.cut([input('a', text), input('b', 'h,i\n1,2\n'), input('c', text)], {
        format,
        ...options,
      });
      expect(nexts(whole).length).toBeGreaterThan(10);
      for (const from of nexts(whole)) {
        const rest = await bench.cut([input('a', text), input('b', 'h,i\n1,2\n'), input('c', text)], {
          format,
          ...options,
          from,
        });
        const isBehind = ({ source, line }: { source: string; line: number }): boolean =>
          source > 'abc'.charAt(from.input) || (source === 'abc'.charAt(from.input) && line >= from.line);
        expect(rest.rows).toEqual(whole.rows.filter(isBehind));
        expect(rest.rejected).toEqual(whole.rejected.filter(isBehind));
      }
    }
  });

  it('of lines that each open a quote is read in one pass', async () => {
    const line = 'a","b\n';
    const text = 'h,i\n' + line.repeat(100_000);
    const began = performance.now();
    const cut = await bench.cut([input('a', text, 65_536)], { format: csv() });
    expect(cut.rejected.length).toBe(100_000);
    expect(cut.rejected.every(({ raw, line: at }, index) => raw === 'a","b' && at === index + 2)).toBe(true);
    // Without the memory of the wrong way it would be 100,000 times 0.6 MB.
    expect(performance.now() - began).toBeLessThan(15_000);
  });
});

describe('TSV', () => {
  it('has a tabulator between fields, however that is written', async () => {
    for (const but of [{}, { delimiter: '\t' }, { delimiter: String.raw`\t` }]) {
      const format = formatSchema.parse({ type: 'tsv', ...but });
      const whole = await bench.cut([input('a', 'a\tb\n1\t"2\t3"\n')], { format });
      expect(whole.rows.map(({ fields }) => fields)).toEqual([['1', '2\t3']]);
    }
  });
});
