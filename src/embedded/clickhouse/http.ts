import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { readHead, requestBytes, spool } from './body.js';
import { isNotStreamable, setStatement, type Engine } from './engine.js';
import { exception } from './exceptions.js';
import { isStreamed } from './formats.js';
import { authenticate, parseRequest, type Account, type QueryRequest } from './request.js';
import { fail, respond, stream } from './response.js';
import { analyse } from './statement.js';

/** Bounds of one request; bytes. */
export interface Limits {
  /** Text of a query without the data of an INSERT; ClickHouse's max_query_size. */
  queryBytes: number;
  /** Result in a format that can't be streamed (JSON, Parquet, …), as max_result_bytes counts it. */
  wholeResultBytes: number;
  /** Requests at once, those that wait for a thread among them; the next is refused as ClickHouse does. */
  requests: number;
}

export const DEFAULT_LIMITS: Limits = {
  queryBytes: 262_144,
  wholeResultBytes: 256 * 1024 * 1024,
  requests: 200,
};

export interface ServerOptions {
  engine: Engine;
  account: Account;
  limits: Limits;
  /** Folder of its own for the rows of inserts on their way into the engine. */
  spoolDirectory: string;
}

/** The HTTP server, not yet listening. What it speaks stands at the head of server.ts. */
export function createClickHouseServer(options: ServerOptions): Server {
  const { engine, account, limits } = options;
  let requests = 0;
  const server = createServer({ keepAliveTimeout: 30_000, requestTimeout: 0 }, (request, response) => {
    void answer(request, response);
  });

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.setHeader('X-ClickHouse-Server-Display-Name', hostname());
    response.setHeader('X-ClickHouse-Timezone', engine.timezone);
    try {
      const url = urlOf(request);
      const asks = request.method === 'GET' || request.method === 'HEAD';
      if (asks && (url.pathname === '/ping' || (url.pathname === '/' && !url.searchParams.has('query')))) {
        response.setHeader('Content-Type', 'text/html; charset=UTF-8').end('Ok.\n');
        return;
      }
      if (url.pathname !== '/') {
        request.resume();
        response.statusCode = 404;
        response.end(`There is no handle ${url.pathname}\n\nUse / or /ping for health checks.\n`);
        return;
      }
      authenticate(request, url, account);
      const asked = parseRequest(request, url);
      response.setHeader('X-ClickHouse-Query-Id', asked.queryId ?? randomUUID());
      if (requests >= limits.requests)
        throw exception(
          202,
          'TOO_MANY_SIMULTANEOUS_QUERIES',
          `Too many simultaneous queries. Maximum: ${limits.requests}`,
        );
      requests += 1;
      try {
        await execute(options, request, response, asked);
      } finally {
        requests -= 1;
      }
    } catch (error) {
      await fail(request, response, error);
    }
  };
  return server;
}

/** The target of a request is the client's to choose: `//` is no URL, and must harm nobody else. */
function urlOf({ url = '/' }: IncomingMessage): URL {
  if (URL.canParse(url, SELF)) return new URL(url, SELF);
  throw exception(36, 'BAD_ARGUMENTS', `Invalid URI: ${url.slice(0, 100)}`);
}

const SELF = 'http://server';

async function execute(
  { engine, limits, spoolDirectory }: ServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  asked: QueryRequest,
): Promise<void> {
  const connection = engine.connect();
  try {
    if (asked.database !== undefined && asked.database !== '')
      await connection.run(`USE \`${asked.database.replaceAll('`', '``')}\``, 'Null');
    const source = requestBytes(request, asked.query);
    const { head, ended } = await readHead(source, limits.queryBytes + 1);
    // Latin-1 keeps one character a byte, so that positions in the text are positions in the bytes.
    const statement = analyse(head.toString('latin1'));
    if (statement.secondStatement >= 0) {
      const tail = head.subarray(statement.secondStatement, statement.secondStatement + 100).toString();
      const where = `failed at position ${statement.secondStatement + 1} (end of query): ${tail}`;
      throw exception(62, 'SYNTAX_ERROR', `Syntax error (Multi-statements are not allowed): ${where}`);
    }
    if (statement.usesFile)
      throw exception(78, 'UNKNOWN_TYPE_OF_QUERY', 'FROM INFILE and INTO OUTFILE are for clients, not for the server');
    if (statement.insert) {
      // Not mapped into memory: the file is read once.
      asked.settings.set('storage_file_read_method', 'pread');
      if (!asked.settings.has('async_insert')) asked.settings.set('async_insert', '0');
    }
    if (asked.settings.size > 0) await connection.run(setStatement(asked.settings), 'Null');

    if (statement.insert) {
      const { targetEnd, settingsEnd, dataStart, format, input } = statement.insert;
      const file = join(spoolDirectory, randomUUID());
      try {
        await spool(file, head.subarray(dataStart), source);
        const target = head.subarray(0, input?.start ?? targetEnd).toString();
        const rest = head.subarray(input?.end ?? targetEnd, settingsEnd).toString();
        const insert = input
          ? connection.insertSelected({ before: target, structure: input.structure, after: rest, format, file })
          : connection.insert({ target, settings: rest, format, file });
        respond(response, asked, format, await insert);
      } finally {
        await rm(file, { force: true });
      }
      return;
    }
    if (!ended)
      throw exception(
        62,
        'SYNTAX_ERROR',
        `Max query size exceeded (can be increased with the \`max_query_size\` setting)`,
      );
    const sql = head.toString();
    if (sql.trim() === '')
      throw exception(62, 'SYNTAX_ERROR', 'Syntax error: failed at position 1 (end of query): Empty query');
    const format = statement.format ?? asked.defaultFormat;
    if (statement.streamable && isStreamed(format) && !asked.waitEndOfQuery) {
      try {
        await stream(connection.stream(sql, format), response, asked, format);
        return;
      } catch (error) {
        if (response.headersSent || !isNotStreamable(error)) throw error;
      }
    }
    if (!asked.settings.has('max_result_bytes') && asked.settings.get('readonly') !== '1')
      await connection.run(setStatement(new Map([['max_result_bytes', String(limits.wholeResultBytes)]])), 'Null');
    respond(response, asked, format, await connection.run(sql, format));
  } finally {
    connection.close();
  }
}
