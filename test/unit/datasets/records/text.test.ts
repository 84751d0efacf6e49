import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InputError, type RecordInput } from '../../../../src/datasets/records/index.js';
import { Bench, chunks, count, csv, input, nexts, type Cut } from './cutting.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const cut = (bytes: Uint8Array | string, but: object = {}): Promise<Cut> =>
  bench.cut([input('a', bytes, 100)], { format: csv(but) });
const fieldsOf = ({ rows }: Cut): string[][] => rows.map(({ fields }) => fields);

/** a,b and 60 rows, as `zstd -19 --check` writes them. */
const ZSTD = Buffer.from(
  'KLUv/QRoFQgAZpIoFKAnOWCnGM+tqrMIUWZmqnyteCoGJgAiAB8A3uXNelFVLqrVpEmjkUjpSek47/lqYScBEIWCYCimSBgOgQEMAoJFnClDlZSVDLKyMfbxz7v34a7MXEk3tdpMZzqLOhIVsqEH2+ilvd7MPYvaUiJ2aL3Ua2oVVoTU4HROplSOyNGoB2VxTxKXjsOneHtD+yqry5DRnbFZ88kz3ljTlXY40jIBdqgRcKzM+x3Ao0obEJJBxwFHRfoWXTwexcexeDyKjzOtpk7G06JYNnvn8xFPOhS+38SN3cKRr2Jx5HdwnxGHsF0W4PAmiwH8lsRURi0YwqT6fHwdJI7t4BcAhmpV+dAlDg==',
  'base64',
);

describe('compressed bytes', () => {
  const text = `a,b\n${count(60)}`;
  const expected = Array.from({ length: 60 }, (_, index) => [String(index), `row ${index * index} of it`]);

  it.each([
    ['gzip', gzipSync(text)],
    [
      'gzip of several members, padded with zeros',
      Buffer.concat([gzipSync(text.slice(0, 333)), gzipSync(text.slice(333)), Buffer.alloc(700)]),
    ],
    ['zstd', ZSTD],
    ['zstd of several frames', Buffer.concat([Buffer.from('502a4d18030000006162635e2a4d1800000000', 'hex'), ZSTD])],
    ['nothing', Buffer.from(text)],
  ])('of %s are known by their beginning', async (_, bytes) => {
    expect(fieldsOf(await cut(bytes))).toEqual(expected);
  });

  it('of zstd frames one behind the other are one text', async () => {
    const whole = await cut(Buffer.concat([ZSTD, ZSTD]), { header: false });
    expect(fieldsOf(whole)).toEqual([['a', 'b'], ...expected, ['a', 'b'], ...expected]);
  });

  it('of zstd as DuckDB writes it are read, whatever the size of their chunks', async () => {
    const path = join(bench.files, 'many.csv.zst');
    await bench.run(
      `COPY (SELECT i AS a, hash(i) AS b FROM range(20000) t(i)) TO '${path}' (FORMAT csv, COMPRESSION zstd)`,
    );
    const rows = await bench.run('SELECT CAST(i AS VARCHAR), CAST(hash(i) AS VARCHAR) FROM range(20000) t(i)');
    const bytes = await readFile(path);
    for (const size of [1_013, 1_000_000])
      expect(fieldsOf(await bench.cut([input('a', bytes, size)], { format: csv({ compression: 'zstd' }) }))).toEqual(
        rows,
      );
  });

  const damaged = (bytes: Buffer, at: number): Buffer => {
    const copy = Buffer.from(bytes);
    copy.writeUInt8(copy.readUInt8(at) ^ 0x10, at);
    return copy;
  };
  const gzip = gzipSync(text);
  it.each([
    ['gzip', gzip.subarray(0, -3), 'the gzip data is cut off after'],
    ['gzip', gzip.subarray(0, 40), 'the gzip data is cut off after 40 bytes'],
    ['gzip', Buffer.alloc(0), 'the gzip data is cut off after 0 bytes'],
    ['gzip', Buffer.concat([gzip, gzip.subarray(0, 1)]), 'the gzip data is cut off after'],
    ['gzip', damaged(gzip, gzip.length - 6), 'the gzip data is damaged: incorrect data check'],
    ['gzip', Buffer.from('a,b\n1,2\n'), 'the gzip data is damaged: incorrect header check'],
    ['gzip', Buffer.concat([gzip, Buffer.from('more')]), 'the gzip data is damaged: incorrect header check'],
    [
      'gzip',
      Buffer.concat([gzip, Buffer.alloc(500), gzip]),
      `the gzip data ends at byte ${gzip.length}, and more follows`,
    ],
    ['zstd', ZSTD.subarray(0, -1), `the zstd data is cut off after ${ZSTD.length - 1} bytes`],
    ['zstd', ZSTD.subarray(0, 20), 'the zstd data is cut off after 20 bytes'],
    ['zstd', ZSTD.subarray(0, 2), 'the zstd data is cut off after 2 bytes'],
    ['zstd', damaged(ZSTD, ZSTD.length - 2), 'its checksum is of something else'],
    ['zstd', damaged(ZSTD, 40), 'the zstd data is damaged before byte'],
    ['zstd', Buffer.concat([ZSTD, Buffer.from('more')]), 'no frame follows the one before'],
    ['zstd', Buffer.from('a,b\n1,2\n'), 'it does not begin as such data does'],
    ['zstd', Buffer.from('28b52ffd0088', 'hex'), 'the zstd data needs a window of 128 MiB, and at most 32 are read'],
    ['zstd', Buffer.from('28b52ffd030001000000', 'hex'), 'the zstd data needs a dictionary'],
  ])('of %s that are wrong fail with what is wrong: %#', async (compression, bytes, message) => {
    const failure = await cut(bytes, { compression }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(InputError);
    expect(failure).toMatchObject({ source: 'a', message: expect.stringContaining(message) as string });
  });
});

describe('a text', () => {
  const text = 'ä,€\n1,😀"\n"\n",ü\n';
  const bigEndian = (written: string): Buffer => Buffer.from(written, 'utf16le').swap16();
  it.each([
    ['UTF-8 with a mark', Buffer.from(`\ufeff${text}`), 'auto'],
    ['UTF-16, little endian with a mark', Buffer.from(`\ufeff${text}`, 'utf16le'), 'auto'],
    ['UTF-16, big endian with a mark', bigEndian(`\ufeff${text}`), 'auto'],
    ['UTF-16, big endian with a mark, when told', bigEndian(`\ufeff${text}`), 'utf-16'],
    ['UTF-16 without a mark, when told', Buffer.from(text, 'utf16le'), 'utf-16'],
  ])('in %s is read', async (_, bytes, encoding) => {
    for (const size of [1, 3, 1_000]) {
      const whole = await bench.cut([input('a', bytes, size)], { format: csv({ encoding }) });
      expect(whole.pieces[0]).toMatchObject({ columns: ['ä', '€'] });
      expect(fieldsOf(whole)).toEqual([
        ['1', '😀"'],
        ['\n', 'ü'],
      ]);
    }
  });

  it('in latin-1 is read as Windows-1252, as what is called so is written', async () => {
    const bytes = Buffer.from('a\n\x80\x85\x93 \x94\x9f\xa0\xe9\xff\x81\x8d\x8f\x90\x9d', 'latin1');
    const expected = '€…“ ”Ÿ\u00a0éÿ\u0081\u008d\u008f\u0090\u009d';
    expect(fieldsOf(await cut(bytes, { encoding: 'latin-1' }))).toEqual([[expected]]);
  });

  it('in UTF-16 that is broken loses only the record', async () => {
    const bytes = Buffer.concat([Buffer.from('\ufeffa,b\n1,\ud83d\n2,\ude00x\n3,ok\n4,', 'utf16le'), Buffer.of(65)]);
    for (const size of [1, 2, 1_000]) {
      const whole = await bench.cut([input('a', bytes, size)], { format: csv() });
      expect(fieldsOf(whole)).toEqual([['3', 'ok']]);
      expect(whole.rejected.map(({ reason, line }) => [reason, line])).toEqual([
        ['NOT_UTF8', 2],
        ['NOT_UTF8', 3],
        ['NOT_UTF8', 5],
      ]);
    }
  });

  it.each([
    ['UTF-8', (written: string) => Buffer.from(`\ufeff${written}`), {}],
    ['UTF-8, told', (written: string) => Buffer.from(`\ufeff${written}`), { encoding: 'utf-8', compression: 'none' }],
    ['gzip', (written: string) => gzipSync(`\ufeff${written}`), {}],
    ['UTF-16', (written: string) => Buffer.from(`\ufeff${written}`, 'utf16le'), {}],
    ['latin-1', (written: string) => Buffer.from(written, 'latin1'), { encoding: 'latin-1' }],
  ])('in %s goes on behind each of its pieces', async (_, encode, but) => {
    const opened: number[] = [];
    const bytes = encode(`a,b\n${count(20)}\nä,"\n"\n${count(20)}`);
    const whole: RecordInput = {
      source: 'a',
      open: (fromByte) => {
        opened.push(fromByte);
        return Promise.resolve(chunks(bytes.subarray(fromByte), 9));
      },
    };
    const options = { format: csv(but), maxRecords: 7 };
    const all = await bench.cut([whole], options);
    expect(all.rows.length).toBe(41);
    for (const [index, from] of nexts(all).entries()) {
      opened.length = 0;
      expect((await bench.cut([whole], { ...options, from })).rows).toEqual(all.rows.slice((index + 1) * 7));
      if (!bytes.subarray(0, 3).equals(Buffer.from('\ufeff'))) expect(opened).toEqual([0]);
      else expect(opened.at(-1)).toBe(from.byte);
    }
  });

  it('that became shorter than what was cut of it is refused', async () => {
    const from = { input: 0, byte: 1_000, line: 3, columns: ['a', 'b'] };
    await expect(bench.cut([input('a', gzipSync('a,b\n1,2\n'))], { format: csv(), from })).rejects.toThrow(
      new InputError('a', 'has 8 bytes of text, and was to be read from byte 1000'),
    );
  });
});
