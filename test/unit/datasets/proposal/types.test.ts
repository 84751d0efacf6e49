import { beforeAll, describe, expect, it, test } from 'vitest';
import { column, columns, commentOf, fileOf, proposed } from './rig.js';

const many = (make: (index: number) => string, count = 60): string[] =>
  Array.from({ length: count }, (_, index) => make(index));

const VALUES: [what: string, values: string[], type: string, clean?: unknown][] = [
  ['whole numbers', ['1', '-2', '30'], 'Int64'],
  ['2^63 - 1', ['1', '9223372036854775807'], 'Int64'],
  ['2^63', ['1', '9223372036854775808'], 'UInt64'],
  ['2^64 - 1', ['18446744073709551615'], 'UInt64'],
  ['2^64', ['18446744073709551616'], 'UInt128'],
  ['2^63 and less than nothing', ['-1', '9223372036854775808'], 'Int128'],
  ['-2^63', ['-9223372036854775808', '5'], 'Int64'],
  ['less than nothing alone', ['-5', '-3'], 'Int64'],
  ['2^128', ['340282366920938463463374607431768211456'], 'String'],
  ['money', ['1.50', '20', '-3.99'], 'Decimal(18, 2)'],
  ['a decimal of 20 digits', ['123456789012345678.25', '0.1'], 'Decimal(38, 2)'],
  ['a decimal of 20 digits after the point', ['0.12345678901234567891'], 'Decimal(38, 20)'],
  ['a decimal of 40 digits', ['12345678901234567890.12345678901234567890'], 'String'],
  ['numbers with exponents', ['1e-7', '2.5'], 'Float64'],
  ['zeros before a number', ['00123', '04711', '10115'], 'String'],
  ['numbers with a plus', ['+4930123', '+4989456'], 'String'],
  ['hexadecimal', ['0x1F', '0x2A'], 'String'],
  ['true and false', ['true', 'false', 'true'], 'Bool'],
  ['UUIDs', ['0b8f1c1e-6a0e-4b0e-9a39-3a7c2d0a6f11'], 'UUID'],
  ['True, FALSE', ['True', 'FALSE'], 'Bool'],
  ['yes and no', ['Yes', 'no'], 'Bool'],
  ['addresses', ['10.0.0.1', '192.168.178.255'], 'IPv4'],
  ['what only looks like addresses', ['10.0.0.1', '192.168.178.256'], 'String'],
  ['dates', ['2024-02-29', '1950-01-01'], 'Date32'],
  ['dates that are none', ['2024-02-29', '2023-02-29'], 'String'],
  ['dates beyond what a date holds', ['2024-02-29', '9999-12-31'], 'String'],
  ['whole seconds', ['2024-01-01T10:00:00Z', '2024-06-01 10:00'], "DateTime('UTC')"],
  ['seconds before 1970', ['1969-07-20T20:17:40Z', '2024-01-01T10:00:00Z'], "DateTime64(0, 'UTC')"],
  ['milliseconds', ['2024-01-01T10:00:00.5Z', '2024-01-01T10:00:00.123+02:00'], "DateTime64(3, 'UTC')"],
  ['nanoseconds', ['2024-01-01T10:00:00.123456789Z'], "DateTime64(9, 'UTC')"],
  ['lines', ['one\ntwo', 'three, "four"'], 'String'],

  ['German', ['1.234,50', '0,99', '12'], 'Decimal(18, 2)', [{ number: { decimal: ',', group: '.' } }]],
  ['German without groups', ['1234,5', '0,9'], 'Decimal(18, 1)', [{ number: { decimal: ',', group: '' } }]],
  ['English', ['1,234.50', '0.99'], 'Decimal(18, 2)', [{ number: { decimal: '.', group: ',' } }]],
  ['Swiss', ["1'234.50", '0.99'], 'Decimal(18, 2)', [{ number: { decimal: '.', group: "'" } }]],
  ['French', ['1\u202f234,50', '2 345,50', '0,99'], 'Decimal(18, 2)', [{ number: { decimal: ',', group: ' ' } }]],
  ['millions', ['1,234,567', '12'], 'Int64', [{ number: { decimal: '.', group: ',' } }]],

  ['German dates', ['31.12.2024', '1.2.2024'], 'Date32', [{ time: { format: '%d.%m.%Y' } }]],
  [
    'German times',
    ['31.12.2024 9:05', '01.02.2024 23:59'],
    "DateTime('UTC')",
    [{ time: { format: '%d.%m.%Y %H:%M' } }],
  ],
  ['American dates', ['12/31/2024', '1/2/2024'], 'Date32', [{ time: { format: '%m/%d/%Y' } }]],
  ['British dates', ['31/12/2024', '1/2/2024'], 'Date32', [{ time: { format: '%d/%m/%Y' } }]],
  [
    'American times',
    ['12/31/2024 9:05 PM', '1/2/2024 11:00 am'],
    "DateTime('UTC')",
    [{ time: { format: '%m/%d/%Y %I:%M %p' } }],
  ],
  ['names of months', ['3 Mar 2024', '12 Dec 2023'], 'Date32', [{ time: { format: '%d %b %Y' } }]],
];

describe('a type holds every value of the sample exactly:', () => {
  let found: Awaited<ReturnType<typeof columns>> = [];
  beforeAll(async () => {
    found = await columns(VALUES.map(([, values]) => values));
  });
  it.each(VALUES.map(([what, , type, clean], index) => ({ what, type, clean, index })))(
    '$what',
    ({ type, clean, index }) => {
      const { type: given, clean: steps } = found[index] ?? {};
      // Each value comes several times.
      expect([given?.replace(/^LowCardinality\((.*)\)$/, '$1'), steps]).toMatchObject([type, clean]);
    },
  );
});

test('texts of which there are few are kept in a dictionary', async () => {
  expect((await column(many((index) => ['paid', 'open', 'void'][index % 3] ?? ''))).type).toBe(
    'LowCardinality(String)',
  );
  expect((await column(many((index) => `word ${index}`))).type).toBe('String');
});

test('keys have no sign, and other numbers may get one', async () => {
  expect((await column(['1', '2'], 'order_id')).type).toBe('UInt64');
  expect((await column(['1', '2'], 'balance')).type).toBe('Int64');
});

describe('nothing in some rows', () => {
  it('makes the type Nullable, and the comment says of how many', async () => {
    const found = await column([...many((index) => `${index}`), '', '', '']);
    expect(found.type).toBe('Nullable(Int64)');
    expect(found.comment).toContain('3 of 63 rows have nothing in it.');
  });

  it('is found behind words for it, where the others are numbers', async () => {
    const found = await column([...many((index) => `${index}.5`), 'N/A', '-']);
    expect([found.type, found.clean]).toEqual(['Nullable(Decimal(18, 1))', [{ nullIf: ['-', 'N/A'] }]]);
  });

  it('is not found behind such a word among texts: a country may be called so', async () => {
    const found = await column(many((index) => (index === 5 ? 'NA' : `code ${index}`)));
    expect([found.type, found.clean]).toEqual(['String', undefined]);
  });

  it('is found behind NULL anywhere in the file, and the format says so', async () => {
    const { manifest } = await proposed(await fileOf('a.csv', 'id,word\n1,a\n2,NULL\n3,b\n'));
    expect(manifest.format).toMatchObject({ nulls: ['', 'NULL'] });
    expect(manifest.columns[1]?.type).toBe('Nullable(String)');
  });

  it('everywhere makes a guess that says that it is one', async () => {
    expect(await column(['', '', ''])).toMatchObject({
      type: 'Nullable(String)',
      comment: expect.stringMatching(/a guess/) as unknown,
    });
  });
});

describe('numbers as people write them', () => {
  it('that can be read in two ways are read as the rest of the file is', async () => {
    const german = await proposed(await fileOf('a.csv', 'a;b\n1.234;0,5\n5.678;1,5\n'));
    expect(german.manifest.columns).toMatchObject([{ type: 'Int64' }, { type: 'Decimal(18, 1)' }]);
    expect(commentOf(german.text, 'a')).toMatch(/with a decimal comma, .* otherwise too/);
    const english = await proposed(await fileOf('a.csv', 'a;b\n1.234;0.5\n5.678;1.5\n'));
    expect(english.manifest.columns).toMatchObject([{ type: 'Decimal(18, 3)' }, { type: 'Decimal(18, 1)' }]);
  });
});

describe('times as people write them', () => {
  it('stay texts where nothing says which part is the day', async () => {
    const found = await column(['01/02/2024', '03/04/2024']);
    expect([found.type, found.clean]).toEqual(['String', undefined]);
    expect(found.comment).toContain("{ time: { format: '%d/%m/%Y' } }");
  });

  it('of eight digits are dates where the name says so', async () => {
    expect(await column(['20240131', '20240229'], 'day')).toMatchObject({ type: 'Date32' });
    expect(await column(['20240131', '20240229'], 'part')).toMatchObject({ type: 'Int64' });
  });

  it('without a zone say that they are taken as UTC', async () => {
    expect((await column(['2024-01-01 10:00:00'])).comment).toMatch(/name no time zone and are taken as UTC/);
    expect((await column(['2024-01-01 10:00:00Z'])).comment).not.toMatch(/time zone/);
  });
});

test('yes and no are a Bool, with the words mapped; one of them alone is a code', async () => {
  const map = { ja: 'true', nein: 'false' };
  expect(await column(['ja', 'Nein', 'ja'])).toMatchObject({
    type: 'Bool',
    clean: ['lower', { map, else: 'quarantine' }],
  });
  expect((await column(many(() => 'j'))).type).toBe('LowCardinality(String)');
  expect((await column(['0', '1', '1'], 'is_paid')).type).toBe('Bool');
  expect((await column(['0', '1', '1'], 'items')).type).toBe('Int64');
  expect(await column(['17.0', '4.0'], 'customer_id')).toMatchObject({ type: 'UInt64' });
  expect(await column(['17.0', '4.0'], 'price')).toMatchObject({ type: 'Decimal(18, 1)' });
});

test('blanks around texts are trimmed, and one of blanks alone is nothing', async () => {
  const found = await column(['a1', ' b2', 'c3 ', '   ']);
  expect([found.type, found.clean]).toEqual(['Nullable(String)', ['trim', { nullIf: [''] }]]);
  expect(found.comment).toContain('2 have blanks around them.');
  expect(await column([' 1', '2 '])).toMatchObject({ type: 'Int64', clean: ['trim'] });
});

test('a column that is nearly all numbers is a text, and the comment says why', async () => {
  const { type, comment } = await column(many((index) => (index === 40 ? 'twelve' : `${index}`)));
  expect(type).toBe('String');
  expect(comment).toContain("59 are whole numbers; 1 is not, and make it a text. One that is not: 'twelve'.");
});

test('what may be personal is told, never shown, and left to whoever reads the manifest', async () => {
  const rows = many(
    (index) => `${index},ann${index}@example.org,${['Ann', 'Bob'][index % 2] ?? ''},2001-02-${10 + (index % 9)}`,
  );
  const { text, manifest } = await proposed(
    await fileOf('a.csv', `id,contact,first_name,birthday\n${rows.join('\n')}\n`),
  );
  expect(text).not.toMatch(/@|Ann|Bob|2001/);
  expect(text.match(/# personal: (?:hash|drop)/g)).toEqual([
    '# personal: hash',
    '# personal: hash',
    '# personal: drop',
  ]);
  expect(manifest.columns.every(({ personal }) => personal === undefined)).toBe(true);
});

test('names become small letters and underscores, and say where they come from', async () => {
  const header = 'Order ID,orderDate,Größe (cm),2024,_id,"a\nb",order-id,Order.ID';
  const { manifest, notes } = await proposed(await fileOf('a.csv', `${header}\n${'x,'.repeat(7)}x\n`));
  expect(manifest.columns.map(({ name, from }) => [name, from])).toEqual([
    ...[
      ['order_id', 'Order ID'],
      ['order_date', 'orderDate'],
      ['groesse_cm', 'Größe (cm)'],
      ['c_2024', '2024'],
    ],
    ...[
      ['id', '_id'],
      ['a_b', 'a\nb'],
      ['order_id_2', 'order-id'],
      ['order_id_3', 'Order.ID'],
    ],
  ]);
  expect(notes).toEqual([]);
});
