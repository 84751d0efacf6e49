import { DuckDBInstance } from '@duckdb/node-api';
import { createReadStream } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatSchema } from '../../../../src/datasets/manifest/format.js';
import { cutPieces, InputError, type Piece, type RecordInput } from '../../../../src/datasets/records/index.js';
import { Bench, chunks, count, csv, input, nexts, type Cut } from './cutting.js';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

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
    for (const prefix of [
      Buffer.from('a,b\n1,2\n'),
      gzipSync(count(9_000)).subarray(0, 9_000),
      Buffer.from('28b52ffd0058', 'hex'),
    ])
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

  it('of the first records alone opens no input behind them, and its next is where the rest begins', async () => {
    const opened: string[] = [];
    const watched = (source: string, text: string): RecordInput => {
      const given = input(source, text);
      return { source, open: (fromByte) => (opened.push(source), given.open(fromByte)) };
    };
    const texts = [
      watched('a', 'n\n1\n2\n3\n'),
      watched('b', 'n\n'),
      watched('c', 'm,n\n0,4\n0,5\n'),
      watched('d', 'n\n6\n'),
    ];
    const last = ({ rows }: Cut): (string | undefined)[] => rows.map(({ fields }) => fields.at(-1));
    for (const [limit, files, pieces] of [
      [2, 'a', 1],
      [3, 'a', 1],
      [4, 'abc', 2],
      [5, 'abc', 2],
      [6, 'abcd', 3],
    ] as const) {
      opened.length = 0;
      const first = await bench.cut(texts, { format: csv(), limit, ahead: 0 });
      expect([last(first).length, [...new Set(opened)].join(''), first.pieces.length]).toEqual([limit, files, pieces]);
      const from = first.pieces.at(-1)?.next;
      if (from === undefined) throw new Error('the rest is nowhere');
      const rest = await bench.cut(texts, { format: csv(), from });
      expect([...last(first), ...last(rest)]).toEqual(['1', '2', '3', '4', '5', '6']);
    }
    const all = await bench.cut(texts, { format: csv(), limit: 7 });
    expect([last(all).length, all.pieces.at(-1)?.next]).toEqual([6, undefined]);
    expect((await bench.cut(texts, { format: csv(), limit: 3, maxRecords: 2 })).pieces.map(({ read }) => read)).toEqual(
      [2, 1],
    );
  });

  it('is refused where a delimiter or a quote is no character of ASCII', async () => {
    // No manifest has one that is checked: its schema refuses them before.
    const cutAs = (but: object): Promise<Cut> => bench.cut([input('a', 'a\n1')], { format: { ...csv(), ...but } });
    await expect(cutAs({ delimiter: '§' })).rejects.toThrow("format.delimiter: '§' should be one character of ASCII");
    await expect(cutAs({ quote: '«' })).rejects.toThrow("format.quote: '«' should be one character of ASCII");
    await expect(cutAs({ delimiter: "'", quote: "'" })).rejects.toThrow(`format.quote: ''' is the delimiter`);
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
    const path = join(bench.files, `odd [name] '*?.parquet`);
    const quoted = path.replaceAll("'", "''");
    await bench.run(`COPY (SELECT i FROM range(10) t(i)) TO '${quoted}' (FORMAT parquet)`);
    const none = join(bench.files, 'none.parquet');
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
    // Of the first rows alone; a file that is not there would be refused.
    for (const [limit, next] of [
      [8, { input: 1, byte: 8, line: 9 }],
      [10, { input: 2, byte: 0, line: 1 }],
    ] as const) {
      const first: unknown[] = [];
      const files = [stored(none, 'n'), stored(path, 'a'), stored('nowhere', 'b')];
      for await (const piece of cutPieces(files, { format, dir: bench.dir, maxRecords: 6, limit }))
        first.push(shape(piece));
      expect(first).toEqual([pieces[0], [[path, 6, limit - 6], [{ record: 0, source: 'a', line: 7 }], next]]);
    }
  });

  it('that is damaged, or not on this disk, is refused', async () => {
    const path = join(bench.files, 'damaged.parquet');
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    await connection.run(`COPY (SELECT i FROM range(1000) t(i)) TO '${path}' (FORMAT parquet)`);
    instance.closeSync();
    await writeFile(path, (await readFile(path)).subarray(0, -5));
    for (const one of [stored(path, 'a'), stored(join(bench.files, 'missing'), 'a'), input('a', '')]) {
      const failure = await bench.cut([one], { format }).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(InputError);
      expect((failure as InputError).message).toMatch(
        /^a: (?:is no whole Parquet file: .|Parquet is read from a file)/,
      );
      expect((failure as InputError).message).not.toContain(bench.files);
    }
  });
});
