import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inTemporaryFolder, startClickHouse, type ClickHouseServer } from './clickhouseServer.js';

interface Answer {
  status: number;
  text: string;
  headers: Headers;
}

async function ask(url: string, query: Record<string, string>, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${url}/?${new URLSearchParams(query).toString()}`, { method: 'POST', ...init });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

/** An answer as it came over the wire; fetch would undo the compression. */
async function raw(
  url: string,
  headers: Record<string, string>,
): Promise<{ body: Buffer; encoding: string | undefined }> {
  const sent = httpRequest(url, { headers }).end();
  const [response] = (await once(sent, 'response')) as [Readable & { headers: Record<string, string> }];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { body: Buffer.concat(chunks), encoding: response.headers['content-encoding'] };
}

describe('the embedded ClickHouse speaks HTTP as ClickHouse does', () => {
  let directory = '';
  let server: ClickHouseServer;
  const sql = (body: string, query: Record<string, string> = {}, init: RequestInit = {}): Promise<Answer> =>
    ask(server.url, query, { body, ...init });

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'penstock-clickhouse-'));
    server = await startClickHouse(join(directory, 'main'));
    await sql('CREATE TABLE t (a UInt32, b String) ENGINE = MergeTree ORDER BY a');
  });
  afterAll(async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });

  test('a target that is no URL is refused as a bad request, and the server goes on', async () => {
    const { hostname, port } = new URL(server.url);
    const sent = httpRequest({ hostname, port, path: '//' }).end();
    const [response] = (await once(sent, 'response')) as [Readable & { statusCode: number }];
    const text = (await response.toArray()).join('');
    expect({ status: response.statusCode, text }).toEqual({
      status: 400,
      text: 'Code: 36. DB::Exception: Invalid URI: //. (BAD_ARGUMENTS)\n',
    });
    expect((await sql('SELECT 1')).text).toBe('1\n');
  });

  test('a query may stand in the body, in the URL, or begin in the URL and go on in the body', async () => {
    expect((await sql('SELECT 1')).text).toBe('1\n');
    expect((await ask(server.url, { query: 'SELECT 2' }, { method: 'GET' })).text).toBe('2\n');
    expect((await sql(' + 1', { query: 'SELECT 2' })).text).toBe('3\n');
    await sql('CREATE TABLE both (a UInt32, b String) ENGINE = Memory');
    await sql('1\tx\n2\ty\n', { query: 'INSERT INTO both FORMAT TabSeparated' });
    await sql('INSERT INTO both (b, a) FORMAT JSONEachRow\n{"a":3,"b":"ü; FORMAT"}\n');
    await sql("INSERT INTO both VALUES (4, 'z')");
    await sql('{"a":5}', { query: 'INSERT INTO both FORMAT JSONEachRow' });
    expect((await sql('SELECT * FROM both ORDER BY a')).text).toBe('1\tx\n2\ty\n3\tü; FORMAT\n4\tz\n5\t\n');
  });

  test('GET is read-only', async () => {
    const answer = await ask(server.url, { query: 'DROP TABLE t' }, { method: 'GET' });
    expect([answer.status, answer.headers.get('x-clickhouse-exception-code')]).toEqual([500, '164']);
  });

  test('only one statement is taken; a semicolon at the end is none', async () => {
    expect((await sql('SELECT 1; -- done')).text).toBe('1\n');
    const answer = await sql('SELECT 1; SELECT 2');
    expect(answer.status).toBe(400);
    expect(answer.text).toContain('Multi-statements are not allowed');
  });

  test('`database` and X-ClickHouse-Database choose the database of this query alone', async () => {
    await sql('CREATE DATABASE other');
    expect((await sql('SELECT currentDatabase()', { database: 'other' })).text).toBe('other\n');
    const headers = { 'X-ClickHouse-Database': 'other' };
    expect((await sql('SELECT currentDatabase()', {}, { headers })).text).toBe('other\n');
    expect((await sql('SELECT currentDatabase()')).text).toBe('default\n');
    expect((await sql('SELECT 1', { database: 'nope' })).status).toBe(404);
  });

  test('the format is TabSeparated, else default_format, else the FORMAT clause', async () => {
    expect((await sql('SELECT 1 AS a')).headers.get('x-clickhouse-format')).toBe('TabSeparated');
    const json = await sql('SELECT 1 AS a', { default_format: 'JSONEachRow' });
    expect([json.text, json.headers.get('content-type')]).toEqual(['{"a":1}\n', 'application/x-ndjson; charset=UTF-8']);
    const csv = await sql("SELECT 1 AS a, 'x' AS b FORMAT CSVWithNames", { default_format: 'JSONEachRow' });
    expect([csv.text, csv.headers.get('x-clickhouse-format')]).toEqual(['"a","b"\n1,"x"\n', 'CSVWithNames']);
    const whole = await sql('SELECT number FROM numbers(200000) FORMAT JSON');
    expect((JSON.parse(whole.text) as { rows: number; data: unknown[] }).data).toHaveLength(200_000);
  });

  test('param_x is bound on the server, whatever it holds', async () => {
    const answer = await sql('SELECT {n:UInt8} + 1, {s:String}, {l:Array(String)}, {m:Nullable(String)}', {
      param_n: '7',
      param_s: "it's \\\\ a\\tb",
      param_l: "['x','y']",
      param_m: '\\N',
    });
    expect(answer.text).toBe("8\tit\\'s \\\\ a\\tb\t['x','y']\t\\N\n");
    expect((await sql('SELECT {n:UInt8}', { param_n: '1 OR 1' })).status).not.toBe(200);
  });

  test('settings in the URL hold for this query alone', async () => {
    expect((await sql("SELECT getSetting('max_block_size')", { max_block_size: '77' })).text).toBe('77\n');
    expect((await sql("SELECT getSetting('max_block_size')")).text).not.toBe('77\n');
    expect((await sql('SELECT 1', { no_such_setting: '1' })).status).toBe(404);
  });

  test('gzip goes both ways', async () => {
    const body = gzipSync('SELECT 5');
    expect((await ask(server.url, {}, { body, headers: { 'Content-Encoding': 'gzip' } })).text).toBe('5\n');
    const url = `${server.url}/?query=SELECT+number+FROM+numbers(100000)`;
    const packed = await raw(`${url}&enable_http_compression=1`, { 'Accept-Encoding': 'gzip' });
    expect(packed.encoding).toBe('gzip');
    expect(gunzipSync(packed.body).toString().split('\n')).toHaveLength(100_001);
    expect((await raw(url, { 'Accept-Encoding': 'gzip' })).encoding).toBeUndefined();
    const refused = await ask(server.url, {}, { body: 'not gzip', headers: { 'Content-Encoding': 'gzip' } });
    expect(refused.status).toBe(500);
  });

  test('an insert takes what it reads through a SELECT with input()', async () => {
    await sql('CREATE TABLE selected (a UInt32, b String) ENGINE = MergeTree ORDER BY a');
    const query =
      "INSERT INTO selected (a, b) SELECT length(x) AS a, upper(x) FROM input('x String') WHERE throwIf(x = 'bad', 'no') = 0 FORMAT RowBinary";
    const rows = (...texts: string[]): Buffer =>
      Buffer.concat(texts.flatMap((text) => [Buffer.from([text.length]), Buffer.from(text)]));
    const post = (body: Buffer): Promise<Answer> => ask(server.url, { query }, { body });
    expect((await post(rows("it's", 'a;b', '\n\n'))).status).toBe(200);
    expect((await sql('SELECT * FROM selected ORDER BY a')).text).toBe("2\t\\n\\n\n3\tA;B\n4\tIT\\'S\n");
    const refused = await post(rows('good', 'bad'));
    expect([refused.status, refused.headers.get('x-clickhouse-exception-code')]).toEqual([500, '395']);
    expect((await sql('SELECT count() FROM selected')).text).toBe('3\n');
  });

  test('an insert of any size takes bounded memory', async () => {
    await sql('CREATE TABLE streamed (a UInt32, b String) ENGINE = Null');
    const line = `{"a":1,"b":"${'x'.repeat(988)}"}\n`;
    const chunk = Buffer.from(line.repeat(1_000));
    const chunks = 700;
    const body = Readable.from(
      (function* () {
        for (let sent = 0; sent < chunks; sent += 1) yield chunk;
      })(),
      { objectMode: false },
    );
    const before = await residentBytes(server);
    let peak = before;
    const sampler = setInterval(() => void residentBytes(server).then((now) => (peak = Math.max(peak, now))), 50);
    const answer = await ask(
      server.url,
      { query: 'INSERT INTO streamed FORMAT JSONEachRow', min_insert_block_size_bytes: '16777216' },
      { body, duplex: 'half' },
    );
    clearInterval(sampler);
    expect([answer.status, answer.text]).toEqual([200, '']);
    const summary = JSON.parse(answer.headers.get('x-clickhouse-summary') ?? '{}') as { written_rows: string };
    expect(summary.written_rows).toBe(String(chunks * 1_000));
    // 700 MB went through; the engine alone takes about 400 MB for its blocks, however much comes.
    expect(peak - before).toBeLessThan(600 * 1024 * 1024);
  }, 60_000);

  test('the rows of an insert are data, whatever they hold: blank lines, semicolons, statements', async () => {
    await sql('CREATE TABLE texts (b String) ENGINE = Memory');
    const rows = ['a', '', '', 'DROP TABLE texts', ';', '', 'z'];
    const written = await sql(`INSERT INTO texts FORMAT TSV\n${rows.join('\n')}\n`);
    expect([written.status, written.text]).toEqual([200, '']);
    expect((await sql('SELECT b FROM texts FORMAT TSVRaw')).text).toBe(`${rows.join('\n')}\n`);
    await sql("INSERT INTO texts SETTINGS input_format_null_as_default = 1 VALUES ('q'), (NULL);");
    await sql('INSERT INTO texts FORMAT JSONEachRow\n{"b":"1"}\n\n\n{"b":"2"}\n');
    await sql('INSERT INTO texts FORMAT JSONEachRow\n');
    await sql("INSERT INTO texts SELECT 'selected'");
    expect((await sql('SELECT count() FROM texts')).text).toBe('12\n');
    expect((await sql("INSERT INTO texts FROM INFILE '/etc/hostname' FORMAT TSV")).status).toBe(404);
    expect((await sql("SELECT 1 INTO OUTFILE '/tmp/penstock-outfile'")).status).toBe(404);
  });

  test.each(['Parquet', 'Native', 'RowBinary', 'CSVWithNames', 'JSONCompactEachRow'])(
    'an insert may come as %s',
    async (format) => {
      await sql('CREATE TABLE formats (a UInt32) ENGINE = Memory');
      const url = `${server.url}/?query=SELECT+toUInt32(number)+AS+a+FROM+numbers(70000)+FORMAT+${format}`;
      const body = Buffer.from(await (await fetch(url)).arrayBuffer());
      const answer = await ask(server.url, { query: `INSERT INTO formats FORMAT ${format}` }, { body });
      expect(answer.status).toBe(200);
      expect((await sql('SELECT count(), sum(a) FROM formats')).text).toBe('70000\t2449965000\n');
      await sql('DROP TABLE formats');
    },
  );

  test('headers name query, format, summary, server and time zone', async () => {
    const { headers } = await sql("INSERT INTO t VALUES (1, 'a'), (2, 'b')", { query_id: 'mine' });
    expect(headers.get('x-clickhouse-query-id')).toBe('mine');
    expect(JSON.parse(headers.get('x-clickhouse-summary') ?? '')).toMatchObject({ written_rows: '2' });
    expect(headers.get('x-clickhouse-timezone')).toMatch(/UTC|\//);
    expect(headers.get('x-clickhouse-server-display-name')).not.toBeNull();
    expect((await sql('SELECT 1')).headers.get('x-clickhouse-query-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each([
    ['SELEC 1', 400, 62, 'SYNTAX_ERROR'],
    ['', 400, 62, 'SYNTAX_ERROR'],
    ['SELECT * FROM nowhere', 404, 60, 'UNKNOWN_TABLE'],
    ['SELECT nope(1)', 404, 46, 'UNKNOWN_FUNCTION'],
    ['SELECT * FROM nope.t', 404, 81, 'UNKNOWN_DATABASE'],
    ['CREATE TABLE t (a UInt8) ENGINE = Memory', 500, 57, 'TABLE_ALREADY_EXISTS'],
    ['SELECT throwIf(1)', 500, 395, 'FUNCTION_THROW_IF_VALUE_IS_NON_ZERO'],
    ['INSERT INTO t FORMAT JSONEachRow\n{"a":"x"}', 400, 27, 'CANNOT_PARSE_INPUT_ASSERTION_FAILED'],
  ])('%j is answered with status %i and code %i', async (query, status, code, name) => {
    const answer = await sql(query);
    expect([answer.status, answer.headers.get('x-clickhouse-exception-code')]).toEqual([status, String(code)]);
    expect(answer.text).toMatch(new RegExp(`^Code: ${code}\\. DB::Exception: (?!Code:)[^]*\\(${name}\\)`));
  });

  test('a result that fails in the middle ends with the message under its tag', async () => {
    const answer = await sql('SELECT throwIf(number = 500000) FROM numbers(1000000)', { max_threads: '1' });
    const tag = answer.headers.get('x-clickhouse-exception-tag') ?? 'no tag';
    expect(answer.status).toBe(200);
    expect(answer.text).toContain(`\r\n__exception__\r\n${tag}\r\nCode: 395.`);
    expect(answer.text.endsWith(` ${tag}\r\n__exception__\r\n`)).toBe(true);
  });

  test('what it does not speak is refused, not ignored', async () => {
    expect((await sql('SELECT 1', { session_id: 'x' })).status).toBe(501);
    expect((await sql('SELECT 1', { compress: '1' })).status).toBe(501);
    expect((await sql('SELECT 1', {}, { headers: { 'Content-Encoding': 'zstd' } })).status).toBe(501);
    expect((await fetch(`${server.url}/elsewhere`)).status).toBe(404);
    expect((await sql(`SELECT '${'x'.repeat(300_000)}'`)).text).toContain('Max query size exceeded');
  });

  test('/ping and / answer while every slot is busy, and an answer nobody reads is cancelled', async () => {
    const busy = Array.from({ length: 6 }, () => sql('SELECT sleep(1)'));
    const began = performance.now();
    expect(await (await fetch(`${server.url}/ping`)).text()).toBe('Ok.\n');
    expect(await (await fetch(`${server.url}/`)).text()).toBe('Ok.\n');
    expect(performance.now() - began).toBeLessThan(700);
    expect((await Promise.all(busy)).map((answer) => answer.status)).toEqual(Array(6).fill(200));

    const controller = new AbortController();
    const endless = await fetch(`${server.url}/?query=SELECT+number+FROM+system.numbers`, {
      signal: controller.signal,
    });
    await endless.body?.getReader().read();
    controller.abort();
    expect((await sql('SELECT 1')).text).toBe('1\n');
  });
});

describe('the embedded ClickHouse keeps what it acknowledged, and to itself', () => {
  test('a password is asked for, in each of the three ways', () =>
    inTemporaryFolder(async (folder) => {
      const environment = { CLICKHOUSE_USER: 'anna', CLICKHOUSE_PASSWORD: 'pä:ss' };
      const server = await startClickHouse(folder, { environment });
      try {
        const status = async (
          query: Record<string, string>,
          headers: Record<string, string> = {},
        ): Promise<unknown> => {
          const answer = await ask(server.url, query, { body: 'SELECT 1', headers });
          return [answer.status, answer.headers.get('x-clickhouse-exception-code')];
        };
        const basic = (account: string) => ({ Authorization: `Basic ${Buffer.from(account).toString('base64')}` });
        const key = Buffer.from('pä:ss').toString('latin1');
        expect(await status({}, basic('anna:pä:ss'))).toEqual([200, null]);
        expect(await status({}, basic('anna:wrong'))).toEqual([403, '516']);
        expect(await status({ user: 'anna', password: 'pä:ss' })).toEqual([200, null]);
        expect(await status({ user: 'anna', password: 'pä:s' })).toEqual([403, '516']);
        expect(await status({}, { 'X-ClickHouse-User': 'anna', 'X-ClickHouse-Key': key })).toEqual([200, null]);
        expect(await status({}, { 'X-ClickHouse-User': 'bert', 'X-ClickHouse-Key': key })).toEqual([403, '516']);
        expect(await status({ user: 'anna' }, basic('anna:pä:ss'))).toEqual([403, '516']);
        expect(await status({})).toEqual([401, '194']);
        expect((await fetch(`${server.url}/ping`)).status).toBe(200);
      } finally {
        await server.stop();
      }
    }));

  test.each(['SIGKILL', 'SIGTERM'] as const)('%s in the middle of inserts loses none that was acknowledged', (signal) =>
    inTemporaryFolder(async (folder) => {
      let server = await startClickHouse(folder);
      try {
        await ask(server.url, {}, { body: 'CREATE TABLE kept (n UInt32) ENGINE = MergeTree ORDER BY n' });
        const acknowledged: number[] = [];
        let stopped: Promise<number | null> | undefined;
        const writers = Array.from({ length: 3 }, async (_, writer) => {
          for (let n = writer * 1_000_000; ; n += 1) {
            const answer = await ask(server.url, { query: 'INSERT INTO kept FORMAT TSV' }, { body: `${n}\n` });
            if (answer.status !== 200) return;
            acknowledged.push(n);
            if (acknowledged.length === 200) stopped = server.stop(signal);
          }
        });
        await Promise.allSettled(writers);
        expect(await stopped).toBe(signal === 'SIGTERM' ? 0 : null);
        server = await startClickHouse(folder);
        const { text } = await ask(server.url, {}, { body: 'SELECT n FROM kept' });
        const kept = new Set(text.split('\n').map(Number));
        expect(acknowledged.length).toBeGreaterThanOrEqual(200);
        expect(acknowledged.filter((n) => !kept.has(n))).toEqual([]);
      } finally {
        await server.stop();
      }
    }),
  );
});

async function residentBytes({ pid }: ClickHouseServer): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}
