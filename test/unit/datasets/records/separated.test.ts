import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InputError } from '../../../../src/datasets/records/index.js';
import { Bench, csv, input, type Cut } from './cutting.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const cut = (text: string | Uint8Array, but: object = {}): Promise<Cut> =>
  bench.cut([input('a.csv', text)], { format: csv(but) });
const fieldsOf = ({ rows }: Cut): string[][] => rows.map(({ fields }) => fields);
const linesOf = ({ rows }: Cut): number[] => rows.map(({ line }) => line);
const told = ({ rejected }: Cut): [string, number, string][] =>
  rejected.map(({ reason, line, raw }) => [reason, line, raw]);

/** Cases of csv-spectrum, written anew. */
const SPECTRUM: [string, string, string[], string[][]][] = [
  [
    'a comma in quotes',
    'first,address\nJohn,"120 any st., Anytown, WW"\n',
    ['first', 'address'],
    [['John', '120 any st., Anytown, WW']],
  ],
  [
    'empty fields',
    'a,b,c\n1,"",""\n2,3,4\n',
    ['a', 'b', 'c'],
    [
      ['1', '', ''],
      ['2', '3', '4'],
    ],
  ],
  [
    'empty fields and \\r\\n',
    'a,b,c\r\n1,"",""\r\n2,3,4\r\n',
    ['a', 'b', 'c'],
    [
      ['1', '', ''],
      ['2', '3', '4'],
    ],
  ],
  [
    'quotes in quotes',
    'a,b\n1,"ha ""ha"" ha"\n3,4\n',
    ['a', 'b'],
    [
      ['1', 'ha "ha" ha'],
      ['3', '4'],
    ],
  ],
  [
    'JSON',
    'key,val\n1,"{""type"": ""Point"", ""coordinates"": [102.0, 0.5]}"\n',
    ['key', 'val'],
    [['1', '{"type": "Point", "coordinates": [102.0, 0.5]}']],
  ],
  [
    'line ends in quotes',
    'a,b,c\n1,2,3\n"Once upon \na time",5,6\n7,8,9\n',
    ['a', 'b', 'c'],
    [
      ['1', '2', '3'],
      ['Once upon \na time', '5', '6'],
      ['7', '8', '9'],
    ],
  ],
  ['\\r\\n in quotes', 'a,b\r\n"x\r\ny",1\r\n', ['a', 'b'], [['x\r\ny', '1']]],
  [
    'quotes and line ends',
    'a,b\n1,"ha \n""ha"" \nha"\n3,4\n',
    ['a', 'b'],
    [
      ['1', 'ha \n"ha" \nha'],
      ['3', '4'],
    ],
  ],
  ['nothing but a few fields', 'a,b,c\n1,2,3\n', ['a', 'b', 'c'], [['1', '2', '3']]],
  [
    '\\r as line end',
    'a,b,c\r1,2,3\r4,5,6',
    ['a', 'b', 'c'],
    [
      ['1', '2', '3'],
      ['4', '5', '6'],
    ],
  ],
  [
    'UTF-8',
    'a,b,c\n1,2,3\n4,5,ʤ\n',
    ['a', 'b', 'c'],
    [
      ['1', '2', '3'],
      ['4', '5', 'ʤ'],
    ],
  ],
];

describe('a CSV file', () => {
  it.each(SPECTRUM)('with %s is read as RFC 4180 has it', async (_, text, columns, fields) => {
    const whole = await cut(text);
    expect(fieldsOf(whole)).toEqual(fields);
    expect(whole.pieces.map((piece) => piece.kind === 'separated' && piece.columns)).toEqual([columns]);
    expect(whole.rejected).toEqual([]);
  });

  it('needs no line end after the last record, and may have no record', async () => {
    expect(fieldsOf(await cut('a,b\n1,2\n3,'))).toEqual([
      ['1', '2'],
      ['3', ''],
    ]);
    for (const text of ['', 'a,b', 'a,b\n', '\n\n', '\ufeff'])
      expect(await cut(text)).toEqual({ rows: [], rejected: [], pieces: [] });
  });

  it('skips blank lines, and counts them', async () => {
    const whole = await cut('\n\r\na,b\n\n1,2\n\r\n\r3,4\n"x\ny",5\n6,7\n');
    expect(linesOf(whole)).toEqual([5, 8, 9, 11]);
    expect(whole.pieces[0]?.marks.map(({ record, line }) => [record, line])).toEqual([
      [0, 5],
      [1, 8],
      [3, 11],
    ]);
  });

  it('names its columns without quotes, spaces and a byte order mark', async () => {
    const { pieces } = await cut('\ufeff"a ""b"" ", c ,"d,e"\n1,2,3\n');
    expect(pieces[0]).toMatchObject({ columns: ['a "b"', 'c', 'd,e'] });
  });

  it('without a header has columns c1, c2 and so on', async () => {
    const whole = await cut('skipped\n1,2\n3,4,5\n', { header: false, skip: 1 });
    expect(whole.pieces[0]).toMatchObject({ columns: ['c1', 'c2'] });
    expect(linesOf(whole)).toEqual([2]);
    expect(told(whole)).toEqual([['EXTRA_COLUMNS', 3, '3,4,5']]);
  });

  it('may have lines before its header', async () => {
    const whole = await cut('Report "1\r\n\r\nid,n\r\n1,2\r\n', { skip: 2 });
    expect(whole.rows).toEqual([{ source: 'a.csv', line: 4, fields: ['1', '2'] }]);
  });

  it.each([
    ['a,,c\n1,2,3', 'a.csv: line 1, the header: column 2 of 3 has no name in the header'],
    [
      '\na,b, A\n1,2,3',
      "a.csv: line 2, the header: columns 1 and 3 of the header are both 'A' but for the case of letters",
    ],
    [
      'a,"b\n1,2',
      'a.csv: line 1, the header: the quote that opens column 2 is not closed, or not at the end of a column',
    ],
    ['a,"b"c\n1,2', 'a.csv: line 1, the header: text follows the quote that closes column 2'],
  ])('is refused for its header %j', async (text, message) => {
    await expect(cut(text)).rejects.toThrow(new InputError('a.csv', message.slice(7)));
  });
});

describe('a record', () => {
  it('with too few or too many columns is set aside with its line, or made to fit', async () => {
    const text = 'a,b,c\n1,2\n1,"2\n",3,4\n1,2,3\n';
    const strict = await cut(text);
    expect(fieldsOf(strict)).toEqual([['1', '2', '3']]);
    expect(strict.rejected).toEqual([
      { source: 'a.csv', line: 2, reason: 'MISSING_COLUMNS', detail: 'has 2 columns, and should have 3', raw: '1,2' },
      {
        source: 'a.csv',
        line: 3,
        reason: 'EXTRA_COLUMNS',
        detail: 'has 4 columns, and should have 3',
        raw: '1,"2\n",3,4',
      },
    ]);
    const lenient = await cut(text, { missingColumns: 'null', extraColumns: 'ignore' });
    expect(fieldsOf(lenient)).toEqual([
      ['1', '2', ''],
      ['1', '2\n', '3'],
      ['1', '2', '3'],
    ]);
    expect(linesOf(lenient)).toEqual([2, 3, 5]);
  });

  it('that is cut to one empty column is still a record', async () => {
    const whole = await cut('a\n,2\n1\n', { extraColumns: 'ignore' });
    expect(fieldsOf(whole)).toEqual([[''], ['1']]);
    const unquoted = await cut('a\n,2\n1\n', { extraColumns: 'ignore', quote: '' });
    expect(told(unquoted)).toEqual([['EXTRA_COLUMNS', 2, ',2']]);
  });

  it('with text after a quote costs one line', async () => {
    const whole = await cut('a,b\n1,"2"x\n"3"" ,4\n5,"6" \n7,8\n');
    expect(told(whole)).toEqual([
      ['MALFORMED', 2, '1,"2"x'],
      ['MALFORMED', 3, '"3"" ,4'],
      ['MALFORMED', 4, '5,"6" '],
    ]);
    expect(whole.rejected[0]?.detail).toBe('text follows the quote that closes column 2');
    expect(whole.rejected[1]?.detail).toBe(
      'the quote that opens column 1 is not closed, or not at the end of a column',
    );
    expect(linesOf(whole)).toEqual([5]);
  });

  it('with a quote that never closes costs one line', async () => {
    const whole = await cut('a,b\n1,"2\n3,4\r\n5,6');
    expect(told(whole)).toEqual([['MALFORMED', 2, '1,"2']]);
    expect(whole.rejected[0]?.detail).toBe(
      'the quote that opens column 2 is not closed, or not at the end of a column',
    );
    expect(whole.rows.map(({ line, fields }) => [line, ...fields])).toEqual([
      [3, '3', '4'],
      [4, '5', '6'],
    ]);
  });

  it('with quotes inside a field that is not quoted has them in it', async () => {
    const whole = await cut('a,b\n1"2,3""\n x"y, "z"\n  "  ,\t"q"\n');
    expect(fieldsOf(whole)).toEqual([
      ['1"2', '3""'],
      [' x"y', ' "z"'],
      ['  "  ', '\t"q"'],
    ]);
  });

  it('that is no UTF-8, or has a NUL, is set aside, and none of its bytes is lost', async () => {
    const whole = await cut(Buffer.from('a,b\n1,\xe9\n2,\x00\n3,ok\n', 'latin1'));
    expect(told(whole)).toEqual([
      ['NOT_UTF8', 2, '1,é'],
      ['CONTROL_CHARACTERS', 3, '2,\0'],
    ]);
    expect(linesOf(whole)).toEqual([4]);
  });

  it('that is set aside is kept up to 64 KiB, in whole characters', async () => {
    const whole = await cut(`a,b\nx${'€'.repeat(30_000)}\n"${'€'.repeat(30_000)}"x\n`);
    expect(told(whole)).toEqual([
      ['MISSING_COLUMNS', 2, `x${'€'.repeat(21_845)}`],
      ['MALFORMED', 3, `"${'€'.repeat(21_845)}`],
    ]);
  });

  it('of more than 4 MiB is set aside, and of its text 64 KiB are kept', async () => {
    const long = 'x'.repeat(4_194_303);
    const whole = await cut(`a,b\n1,${long}y\n${long},\n"${long}\n",2\n3,4`);
    expect(whole.rejected.map(({ reason, line, raw }) => [reason, line, raw.length])).toEqual([
      ['TOO_LONG', 2, 65_536],
      ['TOO_LONG', 4, 65_536],
      ['MALFORMED', 5, 3],
    ]);
    expect(linesOf(whole)).toEqual([3, 6]);
  });
});
