import { DuckDBInstance } from '@duckdb/node-api';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatSchema } from '../../../../src/datasets/manifest/format.js';
import { cutPieces, InputError, type Piece, type RecordInput } from '../../../../src/datasets/records/index.js';
import { Bench, chunks, csv, input, nexts, type Cut } from './cutting.js';

let bench: Bench;
let files: string;
beforeAll(async () => {
  bench = await Bench.open();
  files = `${bench.dir}-files`;
  await mkdir(files);
});
afterAll(async () => {
  await bench.close();
  await rm(files, { recursive: true });
});

const cut = (bytes: Uint8Array | string, but: object = {}): Promise<Cut> =>
  bench.cut([input('a', bytes, 100)], { format: csv(but) });
const fieldsOf = ({ rows }: Cut): string[][] => rows.map(({ fields }) => fields);
const count = (rows: number): string =>
  Array.from({ length: rows }, (_, index) => `${index},row ${index * index} of it\n`).join('');

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
    const path = join(files, 'many.csv.zst');
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

describe('many small files', () => {
  const small = (index: number): RecordInput => input(`f${index}`, `a,b\n${index},x\n${index},"y\n"\n`);

  it('share a piece, and each row has its file and its line', async () => {
    const inputs = Array.from({ length: 2_000 }, (_, index) => small(index));
    const whole = await bench.cut(inputs, { format: csv() });
    expect(whole.pieces.length).toBe(1);
    expect(whole.pieces[0]?.next).toBeUndefined();
    expect(whole.rows).toEqual(
      inputs.flatMap(({ source }, index) => [
        { source, line: 2, fields: [String(index), 'x'] },
        { source, line: 3, fields: [String(index), 'y\n'] },
      ]),
    );
  });

  it('do not share it with those that have other columns', async () => {
    const inputs = [
      small(0),
      input('other', 'b,a\n1,2\n'),
      input('empty', 'b,a,c\n'),
      small(1),
      input('void', ''),
      small(2),
    ];
    const whole = await bench.cut(inputs, { format: csv() });
    expect(whole.pieces.map((piece) => piece.kind === 'separated' && [piece.columns, piece.records])).toEqual([
      [['a', 'b'], 2],
      [['b', 'a'], 1],
      [['a', 'b'], 4],
    ]);
    for (const [index, from] of nexts(whole).entries())
      expect((await bench.cut(inputs, { format: csv(), from })).rows).toEqual(whole.rows.slice(index === 0 ? 2 : 3));
  });

  it('are opened at most 8 ahead, and closed', async () => {
    const open = new Set<number>();
    let most = 0;
    let total = 0;
    const watched = (index: number, bytes: Buffer): RecordInput => ({
      source: `f${index}`,
      open: async () => {
        open.add(index);
        most = Math.max(most, open.size);
        total += 1;
        await new Promise(setImmediate);
        return (async function* () {
          try {
            yield* chunks(bytes, 50_000);
          } finally {
            open.delete(index);
          }
        })();
      },
    });
    const inputs = Array.from({ length: 100 }, (_, index) => watched(index, Buffer.from(`a,b\n${index},2\n`)));
    async function* listed(): AsyncGenerator<RecordInput> {
      for (const one of inputs) yield await Promise.resolve(one);
    }
    for (const given of [inputs, listed()]) {
      expect((await bench.cut(given, { format: csv(), from: { input: 10, byte: 0, line: 1 } })).rows.length).toBe(90);
      expect(open.size).toBe(0);
    }
    expect(most).toBeLessThanOrEqual(9);
    expect(total).toBe(180);
    // One that is larger is opened again in its turn, and not kept open until then.
    const bytes = Buffer.from(`a,b\n${`1,${'x'.repeat(40_000)}\n`.repeat(30)}`);
    const large = [0, 1, 2].map((index) => watched(index, bytes));
    expect((await bench.cut(large, { format: csv() })).rows.length).toBe(90);
    expect([open.size, total]).toEqual([0, 185]);
  });
});

describe('a cut', () => {
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(Buffer.from('a,b\n'));
    for (;;) yield Buffer.from(count(1_000));
  };

  it('has no more than one piece on disk, and runs not ahead', async () => {
    let read = 0;
    const counted: RecordInput = {
      source: 'a',
      open: () =>
        Promise.resolve(
          (async function* () {
            for await (const chunk of endless()) {
              read += chunk.length;
              yield chunk;
            }
          })(),
        ),
    };
    let pieces = 0;
    for await (const piece of cutPieces([counted], { format: csv(), dir: bench.dir, maxBytes: 2_000_000 })) {
      pieces += 1;
      expect(await readdir(bench.dir)).toHaveLength(1);
      expect(read).toBeLessThan(pieces * 2_000_000 + 1_500_000);
      if (piece.kind !== 'parquet') await rm(piece.path);
      if (pieces === 5) break;
    }
    expect(await readdir(bench.dir)).toEqual([]);
  });

  it('stops with the reason of its signal, and leaves nothing behind', async () => {
    const stop = new AbortController();
    let isClosed = false;
    const watched: RecordInput = {
      source: 'a',
      open: () =>
        Promise.resolve(
          (async function* () {
            try {
              let chunk = 0;
              for await (const bytes of endless()) {
                if ((chunk += 1) === 100) stop.abort(new Error('enough'));
                yield bytes;
              }
            } finally {
              isClosed = true;
            }
          })(),
        ),
    };
    await expect(bench.cut([watched], { format: csv(), signal: stop.signal })).rejects.toThrow('enough');
    expect(isClosed).toBe(true);
    expect(await readdir(bench.dir)).toEqual([]);
  });

  it('fails as its input fails, and leaves nothing behind', async () => {
    const broken = new Error('connection reset');
    const failing = (prefix: Buffer): RecordInput => ({
      source: 'a',
      open: () =>
        Promise.resolve(
          (async function* () {
            yield await Promise.resolve(prefix);
            throw broken;
          })(),
        ),
    });
    for (const prefix of [Buffer.from('a,b\n1,2\n'), gzipSync(count(9_000)).subarray(0, 9_000), ZSTD.subarray(0, 50)])
      await expect(bench.cut([input('b', 'a,b\n1,2\n'), failing(prefix)], { format: csv() })).rejects.toBe(broken);
    expect(await readdir(bench.dir)).toEqual([]);
    const nowhere = cutPieces([input('a', 'a,b\n1,2\n')], { format: csv(), dir: join(bench.dir, 'none') });
    await expect(nowhere.next()).rejects.toThrow('ENOENT');
  });

  it('has pieces that are full by bytes, by records, or by what was set aside', async () => {
    const text = `a,b\n${count(1_000)}`;
    const sizes = async (options: object, but: object = {}): Promise<number[]> =>
      (await bench.cut([input('a', text)], { format: csv(but), ...options })).pieces.map(({ read }) => read);
    expect(await sizes({ maxRecords: 400 })).toEqual([400, 400, 200]);
    expect((await sizes({ maxBytes: 6_000 })).length).toBe(4);
    expect(await sizes({ maxRecords: 1_000 })).toEqual([1_000]);
    const rejected = await bench.cut([input('a', 'a\n' + '1,2\n'.repeat(60_000))], { format: csv() });
    expect(rejected.pieces.map(({ read, records }) => [read, records])).toEqual([
      [25_000, 0],
      [25_000, 0],
      [10_000, 0],
    ]);
  });

  it('is refused where a delimiter or a quote is no character of ASCII', async () => {
    await expect(cut('a\n1', { delimiter: '§' })).rejects.toThrow(
      "format.delimiter: '§' should be one character of ASCII",
    );
    await expect(cut('a\n1', { quote: '«' })).rejects.toThrow("format.quote: '«' should be one character of ASCII");
    await expect(cut('a\n1', { delimiter: "'", quote: "'" })).rejects.toThrow(`format.quote: ''' is the delimiter`);
  });
});

describe('Parquet', () => {
  const format = formatSchema.parse({ type: 'parquet' });
  const stored = (localPath: string, source: string): RecordInput => ({
    source,
    localPath,
    open: () => Promise.resolve(createReadStream(localPath)),
  });

  it('is cut into pieces of rows, numbered from 1', async () => {
    const path = join(files, `odd [name] '*?.parquet`);
    const quoted = path.replaceAll("'", "''");
    await bench.run(`COPY (SELECT i FROM range(10) t(i)) TO '${quoted}' (FORMAT parquet)`);
    const none = join(files, 'none.parquet');
    await bench.run(`COPY (SELECT i FROM range(0) t(i)) TO '${none}' (FORMAT parquet)`);
    const inputs = [stored(none, 'n'), stored(path, 'a'), stored(none, 'm'), stored(path, 'b'), stored(none, 'o')];
    const shape = (piece: Piece): unknown => [
      piece.kind === 'parquet' && [piece.path, piece.firstRow, piece.records],
      piece.marks,
      piece.next,
    ];
    const pieces: unknown[] = [];
    for await (const piece of cutPieces(inputs, { format, dir: bench.dir, maxRecords: 6 })) pieces.push(shape(piece));
    expect(pieces).toEqual([
      [[path, 0, 6], [{ record: 0, source: 'a', line: 1 }], { input: 1, byte: 6, line: 7 }],
      [[path, 6, 4], [{ record: 0, source: 'a', line: 7 }], { input: 3, byte: 0, line: 1 }],
      [[path, 0, 6], [{ record: 0, source: 'b', line: 1 }], { input: 3, byte: 6, line: 7 }],
      [[path, 6, 4], [{ record: 0, source: 'b', line: 7 }], undefined],
    ]);
    const rest: unknown[] = [];
    const from = { input: 1, byte: 6, line: 7 };
    for await (const piece of cutPieces(inputs, { format, dir: bench.dir, maxRecords: 6, from }))
      rest.push(shape(piece));
    expect(rest).toEqual(pieces.slice(1));
  });

  it('that is damaged, or not on this disk, is refused', async () => {
    const path = join(files, 'damaged.parquet');
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    await connection.run(`COPY (SELECT i FROM range(1000) t(i)) TO '${path}' (FORMAT parquet)`);
    instance.closeSync();
    await writeFile(path, (await readFile(path)).subarray(0, -5));
    for (const one of [stored(path, 'a'), stored(join(files, 'missing'), 'a'), input('a', '')]) {
      const failure = await bench.cut([one], { format }).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(InputError);
      expect((failure as InputError).message).toMatch(
        /^a: (?:is no whole Parquet file: .|Parquet is read from a file)/,
      );
      expect((failure as InputError).message).not.toContain(files);
    }
  });
});
