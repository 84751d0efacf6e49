import { describe, expect, it, test } from 'vitest';
import {
  EMPTY,
  expectRun,
  expectRuns,
  fateOf,
  required,
  rowTexts,
  type Landed,
  type RunOutcome,
  type Rules,
  type Table,
  type World,
  type Written,
} from '../../../system/datasets/index.js';

/** What the oracle says of runs, on tables that a reader can work out in his head. */

type Fields = Readonly<Record<string, string | null>>;

const WORLD: World = { tables: {}, images: [], detections: [], hash: (text) => `#${text}` };

function rules(more: Partial<Rules<Fields>> = {}): Rules<Fields> {
  return {
    ...{ dataset: 'tiny', columns: ['id', 'month', 'note'], mode: 'append', maxQuarantined: 1 },
    land: (fields) =>
      fateOf(() => ({
        id: required('id', fields['id'] ?? null, (text) => text),
        month: fields['month'] ?? null,
        note: fields['note'] ?? null,
      })),
    ...more,
  };
}

/** Rows like `id month note`, - for nothing, one a line of a file. */
function file(source: string, ...rows: string[]): Written<Fields>[] {
  return rows.map((row, at) => {
    const [id = '-', month = '-', note = '-'] = row.split(' ').map((word) => word);
    const fields = Object.fromEntries(
      Object.entries({ id, month, note }).map(([name, word]) => [name, word === '-' ? null : word]),
    );
    return { source, line: at + 1, fields };
  });
}

function held({ rows }: Table): string[] {
  const word = (value: Landed | undefined): string => (typeof value === 'string' ? value : '-');
  return rows.map(({ row }) => ['id', 'month', 'note'].map((name) => word(row[name])).join(' ')).sort();
}

function counts({ read, loaded, duplicates, quarantined }: RunOutcome): number[] {
  return [read, loaded, quarantined.length, duplicates];
}

describe('append', () => {
  it('lands the last row of a key, and counts the others as duplicates', () => {
    const { run, after } = expectRun(rules({ key: ['id'] }), EMPTY, file('a', '1 - x', '2 - y', '1 - z'), WORLD);
    expect(held(after)).toEqual(['1 - z', '2 - y']);
    expect(counts(run)).toEqual([3, 2, 0, 1]);
    expect(after.rows.map(({ source, line }) => `${source}:${line}`)).toEqual(['a:2', 'a:3']);
  });

  it('keeps the row of an earlier run, however often its key comes again', () => {
    const runs = [file('a', '1 - x'), file('b', '1 - y', '1 - z', '2 - y')].map((records) => ({
      records,
      world: WORLD,
    }));
    const expected = expectRuns(rules({ key: ['id'] }), runs);
    expect(held(expected.table)).toEqual(['1 - x', '2 - y']);
    expect(expected.runs.map(counts)).toEqual([
      [1, 1, 0, 0],
      [3, 1, 0, 2],
    ]);
  });

  it('takes rows for the same that equal another in everything, where there is no key', () => {
    const runs = [file('a', '1 - x', '1 - x', '1 - y'), file('b', '1 - y', '1 - -')];
    const expected = expectRuns(
      rules(),
      runs.map((records) => ({ records, world: WORLD })),
    );
    expect(held(expected.table)).toEqual(['1 - -', '1 - x', '1 - y']);
    expect(expected.runs.map(counts)).toEqual([
      [3, 2, 0, 1],
      [2, 1, 0, 1],
    ]);
  });
});

describe('replace', () => {
  it('leaves only the rows of the last run', () => {
    const runs = [file('a', '1 - x', '2 - x'), file('a', '2 - x', '2 - x')].map((records) => ({
      records,
      world: WORLD,
    }));
    const expected = expectRuns(rules({ mode: 'replace all' }), runs);
    expect(held(expected.table)).toEqual(['2 - x']);
    expect(expected.runs.map(counts)).toEqual([
      [2, 2, 0, 0],
      [2, 1, 0, 1],
    ]);
  });

  it('takes the partitions that it has rows of, and no other', () => {
    const byMonth = rules({ mode: 'replace partitions', partition: (row) => String(row['month']) });
    const runs = [file('a', '1 may x', '2 may x', '3 june x'), file('b', '4 may y', '- june y')];
    const expected = expectRuns(
      byMonth,
      runs.map((records) => ({ records, world: WORLD })),
    );
    // The only row of June was set aside: June stays.
    expect(held(expected.table)).toEqual(['3 june x', '4 may y']);
    expect(expected.runs.map(counts)).toEqual([
      [3, 3, 0, 0],
      [2, 1, 1, 0],
    ]);
  });
});

describe('a row is set aside', () => {
  it('when a required column has nothing, with its source, line and reason', () => {
    const { run } = expectRun(rules(), EMPTY, file('a', '1 - x', '- - x'), WORLD);
    expect(run.quarantined).toEqual([{ source: 'a', line: 2, reason: 'MISSING_VALUE', subject: 'id' }]);
  });

  it('when another row before it has a value that may come once, whatever file that is in', () => {
    const records = [...file('a', '1 - x', '2 - y'), ...file('b', '1 - x', '1 - z')];
    const { run, after } = expectRun(rules({ unique: ['id'], key: ['id'] }), EMPTY, records, WORLD);
    expect(run.quarantined.map(({ source, line, reason }) => `${source}:${line} ${reason}`)).toEqual([
      'b:1 UNIQUE',
      'b:2 UNIQUE',
    ]);
    expect(held(after)).toEqual(['1 - x', '2 - y']);
    expect(run.duplicates).toBe(0);
  });

  it('not for a value that may come once when that is nothing, or when the first was set aside itself', () => {
    const records = [
      { ...file('a', '1 - x')[0], rejected: 'MALFORMED' },
      ...file('b', '1 - -', '2 - -'),
    ] as Written<Fields>[];
    const { run } = expectRun(rules({ unique: ['id', 'note'] }), EMPTY, records, WORLD);
    expect(run.quarantined.map(({ reason }) => reason)).toEqual(['MALFORMED']);
  });

  it('when another dataset does not have its value, but not when it has none', () => {
    const world = { ...WORLD, tables: { months: [{ name: 'may' }] } };
    const references = [{ column: 'month', dataset: 'months', of: 'name' }];
    const { run, after } = expectRun(rules({ references }), EMPTY, file('a', '1 may x', '2 june x', '3 - x'), world);
    expect(run.quarantined).toEqual([{ source: 'a', line: 2, reason: 'REFERENCE', subject: 'month' }]);
    expect(held(after)).toEqual(['1 may x', '3 - x']);
  });
});

describe('a run fails and changes nothing', () => {
  it('when it sets aside more than it may', () => {
    const before = expectRun(rules(), EMPTY, file('a', '1 - x'), WORLD).after;
    const half = file('b', '2 - x', '- - x');
    expect(expectRun(rules({ maxQuarantined: 0.5 }), before, half, WORLD).run).not.toHaveProperty('failed');
    const { run, after } = expectRun(rules({ maxQuarantined: 0.49 }), before, half, WORLD);
    expect(run).toMatchObject({ failed: 'maxQuarantined', loaded: 0 });
    expect(after).toBe(before);
  });

  it('when it has far fewer or more rows than the median of the runs before it', () => {
    const like = rules({ mode: 'replace all', againstHistory: 0.5 });
    const rowsOf = (count: number): Written<Fields>[] =>
      file('a', ...Array.from({ length: count }, (_, at) => `${at}`));
    const runs = [10, 10, 12, 4, 5, 16].map((count) => ({ records: rowsOf(count), world: WORLD }));
    expect(expectRuns(like, runs).runs.map(({ failed }) => failed)).toEqual([
      ...[undefined, undefined, undefined, 'againstHistory', undefined, 'againstHistory'],
    ]);
  });
});

test('rows are compared as texts with their columns in order, whatever order they come in', () => {
  const rows = [{ b: '2', a: null }, { a: ['x'] }];
  expect(rowTexts(['a', 'b'], rows)).toEqual(['[["x"],null]', '[null,"2"]']);
});
