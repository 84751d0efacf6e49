import { describe, expect, test } from 'vitest';
import { analyse } from '../../../src/embedded/clickhouse/statement.js';

/** The parts of an insert as text. */
function parts(text: string): string[] | undefined {
  const { insert } = analyse(text);
  if (!insert) return undefined;
  const { targetEnd, settingsEnd, dataStart, format } = insert;
  return [text.slice(0, targetEnd), text.slice(targetEnd, settingsEnd), format, text.slice(dataStart)].map((part) =>
    part.trim(),
  );
}

describe('the text of a request', () => {
  test.each([
    ['INSERT INTO t FORMAT TSV\n1\n', ['INSERT INTO t', '', 'TSV', '1']],
    [
      'insert into `db`.t (a, format) format JSONEachRow {"a":1}',
      ['insert into `db`.t (a, format)', '', 'JSONEachRow', '{"a":1}'],
    ],
    ["INSERT INTO t SETTINGS a = 'VALUES' FORMAT CSV\n;x", ['INSERT INTO t', "SETTINGS a = 'VALUES'", 'CSV', ';x']],
    ["INSERT INTO t (values) VALUES (1), (';')", ['INSERT INTO t (values)', '', 'Values', "(1), (';')"]],
    [
      '/* INSERT */ -- VALUES\nINSERT INTO t VALUES (1)',
      ['/* INSERT */ -- VALUES\nINSERT INTO t', '', 'Values', '(1)'],
    ],
    [
      "INSERT INTO t (b) SELECT a FROM input('a String') WHERE a != 'FORMAT' FORMAT RowBinary\n\u0001'",
      ["INSERT INTO t (b) SELECT a FROM input('a String') WHERE a != 'FORMAT'", '', 'RowBinary', "\u0001'"],
    ],
    ['INSERT INTO t SELECT 1', undefined],
    ['INSERT INTO t SELECT 1 FORMAT Null', undefined],
    ['SELECT 1 FORMAT JSON', undefined],
  ])('%j: where the data of an insert begins', (text, expected) => {
    expect(parts(text)).toEqual(expected);
  });

  test('where the rows of an insert with a SELECT come in', () => {
    const text =
      "INSERT INTO t SETTINGS a = 1 SELECT x FROM (SELECT x FROM input ( 'x String, y Enum8(\\'a\\' = 1)' )) FORMAT TSV\n1";
    const { input, targetEnd } = analyse(text).insert ?? {};
    expect(input?.structure).toBe("'x String, y Enum8(\\'a\\' = 1)'");
    expect(text.slice(input?.start, input?.end)).toBe("input ( 'x String, y Enum8(\\'a\\' = 1)' )");
    expect(text.slice(input?.end, targetEnd)).toBe(') ');
  });

  test('data that looks like statements stays data', () => {
    const text = 'INSERT INTO t FORMAT TSV\na\n\n; DROP TABLE t\n';
    expect(analyse(text).secondStatement).toBe(-1);
    expect(parts(text)?.[3]).toBe('a\n\n; DROP TABLE t');
  });

  test.each([
    ['SELECT 1;', false],
    ["SELECT ';' -- ; end\n;", false],
    ['SELECT $x$; SELECT 2$x$', false],
    ['SELECT 1; SELECT 2', true],
    ['SELECT 1;;SELECT 2', true],
  ])('%j: has a second statement: %s', (text, second) => {
    expect(analyse(text).secondStatement >= 0).toBe(second);
  });

  test.each([
    ['SELECT a FROM t FORMAT JSONEachRow', true, 'JSONEachRow'],
    ["SELECT 'FORMAT x', formatDateTime(now(), '%Y')", true, undefined],
    ['WITH 1 AS a SELECT a', true, undefined],
    ['SELECT (SELECT 1)', false, undefined],
    ['SELECT a, count() FROM t GROUP BY a WITH TOTALS', false, undefined],
    ['SHOW TABLES', false, undefined],
  ])('%j: may be streamed: %s, in format %s', (text, streamable, format) => {
    expect(analyse(text)).toMatchObject({ streamable, format });
  });

  test('files are named by clients only', () => {
    expect(analyse("INSERT INTO t FROM INFILE 'x' FORMAT TSV").usesFile).toBe(true);
    expect(analyse("SELECT 1 INTO OUTFILE 'x'").usesFile).toBe(true);
    expect(analyse('SELECT infile FROM t').usesFile).toBe(false);
  });
});
