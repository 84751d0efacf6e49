import { countFaults, dealFaults, Random } from '../random.js';
import type { Scale } from '../scale.js';
import {
  CsvFile,
  type CsvStyle,
  type CutReason,
  type Encoding,
  type TextFields,
  type Version,
  type Written,
} from '../written/index.js';

/** Shares of the rows of a file. */
export const WEB_PRICE_FAULTS = {
  'too few columns': 0.01,
  'too many columns': 0.01,
  'bytes of another encoding': 0.01,
  'control character': 0.01,
  'text after a quote': 0.01,
  'no price': 0.01,
  'a tenth of a cent': 0.01,
  'no number': 0.01,
  'time that there is not': 0.01,
  'time in the gap': 0.01,
  'time that comes twice': 0.01,
  'free of charge': 0.01,
  'article of another kind': 0.01,
} as const;
type Fault = keyof typeof WEB_PRICE_FAULTS;

export interface WebPriceOptions extends Omit<Scale, 'startMs'> {
  /** Of the files, in turn. latin-1 has to be all of them and said in the manifest. Default: all but latin-1. */
  encodings?: readonly Encoding[];
  /** Of one more row in the first file, longer than a reader takes. Default: there is none. */
  tooLongBytes?: number;
}

const DEFAULT_ENCODINGS: readonly Encoding[] = ['utf-8-bom', 'utf-16le', 'utf-8', 'utf-16be'];
const HEADER = [
  ...['Artikel', 'Händler', 'Gültig ab', 'Preis', 'Streichpreis', 'Bestand', 'Bezeichnung', 'E-Mail', 'Telefon'],
];
/** A column that exports have from the second version on. */
const GAINED = 'color';
/** Of each version. The second corrects October, the third March and adds to no other. */
const MONTHS: readonly (readonly string[])[] = [['03', '04', '10'], ['10', '11'], ['03']];
/** Its clocks in Berlin change on 29 March and 25 October. */
const YEAR = 2026;
const GAP = `29.03.${YEAR} 02:30`;
const OVERLAP = `25.10.${YEAR} 02:30`;
const TITLES = ['Tasse, weiß', 'Teller "Ostsee"', 'Krug\nmit Henkel\n', 'Löffel; 6 Stück', 'Brûlée-Form', "Kanne 1'5"];
const TITLES_BEYOND_LATIN_1 = ['Kubek „Łódź“', '急須', 'Tasse 🫖'];

/** Exports of prices, a file a month and version. Each file has all faults, and rows that equal another in everything. */
export function generateWebPrices(seed: number, options: WebPriceOptions = {}): Version<TextFields>[] {
  const { versions = 3, rows = 300, encodings = DEFAULT_ENCODINGS, tooLongBytes = 0 } = options;
  const random = new Random(seed);
  let written = 0;
  return Array.from({ length: versions }, (_, version) => {
    const files = (MONTHS[version % MONTHS.length] ?? []).map((month) => {
      const style: CsvStyle = {
        delimiter: ';',
        newline: written % 2 === 0 ? '\n' : '\r\n',
        encoding: encodings[written % encodings.length] ?? 'utf-8',
        gzip: written % 3 === 2,
      };
      const name = `prices/${YEAR}-${month}/export-${version + 1}.csv${style.gzip ? '.gz' : ''}`;
      const longBytes = written === 0 ? tooLongBytes : 0;
      written += 1;
      return writeFile(random, { name, style, month, rows, longBytes, hasGained: version > 0 });
    });
    const faults: Record<string, number> = {};
    for (const file of files)
      for (const [fault, count] of Object.entries(file.faults)) faults[fault] = (faults[fault] ?? 0) + count;
    return { files: files.flatMap((one) => one.files), records: files.flatMap(({ records }) => records), faults };
  });
}

interface Wanted {
  name: string;
  style: CsvStyle;
  month: string;
  rows: number;
  /** Of a row that no reader takes; 0: there is none. */
  longBytes: number;
  hasGained: boolean;
}

/** Keeps what was written on a line. */
type Note = (line: number, values: readonly string[], rejected?: CutReason) => void;

function writeFile(random: Random, { name, style, month, rows, longBytes, hasGained }: Wanted): Version<TextFields> {
  const header = hasGained ? [...HEADER, GAINED] : HEADER;
  const file = new CsvFile(name, style, header);
  const isUtf8 = style.encoding.startsWith('utf-8');
  const shares: Record<Fault, number> = {
    ...WEB_PRICE_FAULTS,
    ...(isUtf8 ? {} : { 'bytes of another encoding': 0 }),
    ...(month === '03' ? {} : { 'time in the gap': 0 }),
    ...(month === '10' ? {} : { 'time that comes twice': 0 }),
  };
  const dealt = dealFaults(random, rows, shares);
  const faults = countFaults(dealt);
  const records: Written<TextFields>[] = [];
  const note: Note = (line, values, rejected) => {
    const fields = Object.fromEntries(header.map((column, at) => [column, values[at] ?? null]));
    records.push({ source: name, line, fields, ...(rejected === undefined ? {} : { rejected }) });
  };
  for (const [at, fault] of dealt.entries()) {
    const good = price(random, { at, rows, month, style, hasGained });
    if (fault === undefined) note(file.row(good), good);
    else {
      const { values, rejected } = faulty(good, fault);
      note(writtenAs(file, values, rejected), values, rejected);
    }
    // The export has some rows twice.
    if (fault !== undefined || !random.chance(0.03)) continue;
    note(file.row(good), good);
    faults['repeated'] = (faults['repeated'] ?? 0) + 1;
  }
  if (longBytes > 0) {
    const long = ['AB-000001', 'Nord', ...HEADER.slice(2).map(() => ''), ...(hasGained ? [''] : [])];
    note(file.row(long.with(6, 'x'.repeat(longBytes))), long, 'TOO_LONG');
    faults['too long'] = 1;
  }
  const cut = ['AB-000001', 'Nord'];
  note(file.unclosedRow(cut), cut, 'MALFORMED');
  return { files: [file.file()], records, faults: { ...faults, 'never closed': 1 } };
}

function writtenAs(file: CsvFile, values: readonly string[], rejected: CutReason | undefined): number {
  if (rejected === 'NOT_UTF8') return file.brokenRow(values);
  return rejected === 'MALFORMED' ? file.misquotedRow(values) : file.row(values);
}

function price(
  random: Random,
  { at, rows, month, style, hasGained }: Omit<Wanted, 'name' | 'longBytes'> & { at: number },
): string[] {
  // From the first minutes of the month on: by the clock in Berlin they belong to it, in UTC to the month before.
  const day = String(1 + Math.floor((at * 28) / rows)).padStart(2, '0');
  const time =
    at === 0 ? '00:05' : `${String(random.whole(4, 23)).padStart(2, '0')}:${random.pick(['00', '15', '59'])}`;
  const cents = random.whole(1, 250_000);
  const higher = cents + random.whole(1, 99_999);
  const titles = style.encoding === 'latin-1' ? TITLES : [...TITLES, ...TITLES_BEYOND_LATIN_1];
  const sku = `${random.pick(['AB', 'xy'])}-${String(random.whole(1, 999_999)).padStart(6, '0')}`;
  return [
    random.chance(0.1) ? ` ${sku} ` : sku,
    random.pick(['Nord', 'Süd', ' Haus  am   Markt ']),
    `${day}.${month}.${YEAR} ${time}`,
    random.chance(0.1) ? ` ${german(cents)} ` : german(cents),
    random.pick([german(higher), german(higher), '-', 'k. A.', '']),
    random.pick(['0', '7', '1200', '', 'NULL', 'n/a']),
    random.pick(titles),
    random.pick(['Eva.Müller@example.com', ' max@example.com ', '', 'NULL']),
    random.pick(['+49 221 123456', '']),
    ...(hasGained ? [random.pick(['weiß', 'blau', ''])] : []),
  ];
}

/** What is written in place of a good row, and why no reader takes it for one. */
function faulty(good: readonly string[], fault: Fault): { values: readonly string[]; rejected?: CutReason } {
  switch (fault) {
    case 'too few columns':
      return { values: good.slice(0, 6), rejected: 'MISSING_COLUMNS' };
    case 'too many columns':
      return { values: [...good, 'more', ''], rejected: 'EXTRA_COLUMNS' };
    case 'bytes of another encoding':
      return { values: good, rejected: 'NOT_UTF8' };
    case 'control character':
      return { values: good.with(6, 'Tasse\u0000'), rejected: 'CONTROL_CHARACTERS' };
    case 'text after a quote':
      return { values: good, rejected: 'MALFORMED' };
    case 'no price':
      return { values: good.with(3, 'NULL') };
    case 'a tenth of a cent':
      return { values: good.with(3, '1.234,505') };
    case 'no number':
      return { values: good.with(3, 'zwölf') };
    case 'time that there is not':
      return { values: good.with(2, `31.04.${YEAR} 12:00`) };
    case 'time in the gap':
      return { values: good.with(2, GAP) };
    case 'time that comes twice':
      return { values: good.with(2, OVERLAP) };
    case 'free of charge':
      return { values: good.with(3, '0,00').with(4, '') };
    case 'article of another kind':
      return { values: good.with(0, '4711') };
  }
}

/** 123450 cents are 1.234,50. */
function german(cents: number): string {
  const whole = String(Math.floor(cents / 100)).replaceAll(/\B(?=(?:\d{3})+$)/g, '.');
  return `${whole},${String(cents % 100).padStart(2, '0')}`;
}
