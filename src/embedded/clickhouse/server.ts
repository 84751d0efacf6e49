/**
 * ClickHouse for one machine: the engine of npm `chdb` in a process of its own that speaks the part of ClickHouse's
 * HTTP interface that the roles, @clickhouse/client and curl use, so that nothing differs in production.
 *
 *   node dist/embedded/clickhouse/server.js --path DIR [--port 8123] [--host 127.0.0.1]
 *
 * Prints `{"kind":"listening","host":…,"port":…}` when it answers (and sends it over an IPC channel if it has one).
 * User and password come from CLICKHOUSE_USER and CLICKHOUSE_PASSWORD, the names of the official image (default
 * `default` without a password). UV_THREADPOOL_SIZE, set before the process starts, decides how many queries run at
 * once: one less than its threads, 3 by default.
 *
 * What it speaks, each with a test in test/system/clickhouse-http.test.ts:
 *  - the query in the body, in `?query=`, or in both: then the body follows the query and is the data of an INSERT;
 *    GET is read-only; one statement a request
 *  - `database` (and X-ClickHouse-Database)
 *  - TabSeparated by default, `default_format` (and X-ClickHouse-Format), a FORMAT clause
 *  - `param_x` for `{x:Type}`; every other parameter is a setting for this query alone
 *  - gzip: a body with Content-Encoding: gzip; a response with Accept-Encoding: gzip and enable_http_compression=1
 *  - an insert of any size in bounded memory, in every input format: its rows go through a file in the data directory
 *  - a plain SELECT (no other SELECT inside, no totals) in a row format is streamed, no faster than the client reads,
 *    and ends when the client goes; an error in the middle ends the body with the message under
 *    X-ClickHouse-Exception-Tag. All else, and all with wait_end_of_query=1, is formatted whole, bounded by
 *    max_result_bytes (256 MiB unless set)
 *  - X-ClickHouse-Query-Id (`query_id`), -Summary, -Format, -Server-Display-Name, -Timezone, -Exception-Code; the
 *    message and status of an exception as ClickHouse gives them
 *  - user and password by basic authentication, X-ClickHouse-User and -Key, or `user` and `password`
 *  - GET /ping and GET / answer `Ok.` also while every slot is busy
 * Not there, and refused with 501: sessions, roles, ClickHouse's own block compression.
 */
import { mkdirSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { openEngine } from './engine.js';
import { createClickHouseServer, DEFAULT_LIMITS } from './http.js';

/** Milliseconds that running queries get to end after SIGTERM. */
const DRAIN_MS = 15_000;

const { values } = parseArgs({
  options: {
    path: { type: 'string' },
    port: { type: 'string', default: '8123' },
    host: { type: 'string', default: '127.0.0.1' },
  },
});
if (values.path === undefined || !/^\d{1,5}$/.test(values.port)) {
  process.stderr.write('usage: server.js --path DIR [--port PORT] [--host HOST]\n');
  process.exit(2);
}
const path = resolve(values.path);
mkdirSync(path, { recursive: true });

const threads = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4);
const engine = openEngine(path, Math.max(1, threads - 1));
// Left over from a process that was killed: those inserts were never acknowledged.
const spoolDirectory = join(path, 'inserts');
rmSync(spoolDirectory, { recursive: true, force: true });
mkdirSync(spoolDirectory);
const server = createClickHouseServer({
  engine,
  account: { user: process.env['CLICKHOUSE_USER'] ?? 'default', password: process.env['CLICKHOUSE_PASSWORD'] ?? '' },
  limits: DEFAULT_LIMITS,
  spoolDirectory,
});

let stopping = false;
let answering = 0;
server.prependListener('request', (_request, response) => {
  answering += 1;
  response.once('close', () => (answering -= 1));
  if (stopping) response.setHeader('Connection', 'close');
});

/** Running requests end, later ones find the door closed, then the engine closes its files. */
const stop = (): void => {
  if (stopping) return;
  stopping = true;
  setTimeout(() => process.exit(1), DRAIN_MS).unref();
  // Not closeIdleConnections(): it was seen to leave a connection open after another one had been aborted.
  setInterval(() => {
    if (answering === 0) server.closeAllConnections();
  }, 20).unref();
  server.close(() => void engine.close().then(() => process.exit(0)));
};
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
process.on('disconnect', stop);

server.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
server.listen(Number(values.port), values.host, () => {
  const { port } = server.address() as AddressInfo;
  const listening = { kind: 'listening', host: values.host, port };
  process.stdout.write(`${JSON.stringify(listening)}\n`);
  process.send?.(listening);
});
