import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createGzip, type Gzip } from 'node:zlib';
import { NOTHING, type Outcome } from './engine.js';
import { toException } from './exceptions.js';
import { contentType } from './formats.js';
import type { QueryRequest } from './request.js';

/** A result that is complete. */
export function respond(
  response: ServerResponse,
  asked: QueryRequest,
  format: string | undefined,
  outcome: Outcome,
): void {
  const body = begin(response, asked, format ?? asked.defaultFormat, outcome);
  body.end(outcome.result);
}

/** Sends pieces as they come, no faster than the client reads. Headers wait for the first, so an early error has a status. */
export async function stream(
  pieces: AsyncIterable<Uint8Array>,
  response: ServerResponse,
  asked: QueryRequest,
  format: string,
): Promise<void> {
  let body: ServerResponse | Gzip | undefined;
  const tag = randomBytes(8).toString('hex');
  response.setHeader('X-ClickHouse-Exception-Tag', tag);
  const gone = once(response, 'close');
  try {
    for await (const piece of pieces) {
      body ??= begin(response, asked, format, NOTHING);
      if (response.destroyed) return;
      if (!body.write(piece)) await Promise.race([once(body, 'drain'), gone]);
    }
    (body ?? begin(response, asked, format, NOTHING)).end();
  } catch (error) {
    if (!body) {
      response.removeHeader('X-ClickHouse-Exception-Tag');
      throw error;
    }
    // Too late for a status: the message ends the body in the way that clients look for, as ClickHouse since 25.11.
    const text = `${toException(error).message}\n`;
    body.end(`\r\n__exception__\r\n${tag}\r\n${text}${Buffer.byteLength(text)} ${tag}\r\n__exception__\r\n`);
  }
}

function begin(response: ServerResponse, asked: QueryRequest, format: string, outcome: Outcome): ServerResponse | Gzip {
  response.statusCode = 200;
  response.setHeader('Content-Type', contentType(format));
  response.setHeader('X-ClickHouse-Format', format);
  response.setHeader(
    'X-ClickHouse-Summary',
    JSON.stringify({
      read_rows: String(outcome.readRows),
      read_bytes: String(outcome.readBytes),
      written_rows: String(outcome.writtenRows),
      written_bytes: String(outcome.writtenBytes),
      total_rows_to_read: '0',
      result_rows: '0',
      result_bytes: String(outcome.result.length),
      elapsed_ns: String(outcome.elapsedNs),
    }),
  );
  if (!asked.compressResponse) return response;
  response.setHeader('Content-Encoding', 'gzip');
  const gzip = createGzip({ level: 3 });
  gzip.pipe(response);
  return gzip;
}

/** An exception as the answer, with the status of its code. */
export async function fail(request: IncomingMessage, response: ServerResponse, error: unknown): Promise<void> {
  const refused = toException(error);
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  for (const header of ['X-ClickHouse-Format', 'X-ClickHouse-Summary', 'Content-Encoding'])
    response.removeHeader(header);
  response.statusCode = refused.status;
  if (refused.status === 401) response.setHeader('WWW-Authenticate', 'Basic realm="ClickHouse server HTTP API"');
  response.setHeader('X-ClickHouse-Exception-Code', String(refused.code));
  response.setHeader('Content-Type', 'text/plain; charset=UTF-8');
  const unread = !request.complete;
  // A body that nobody read would be taken for the next request: the connection ends with the answer.
  if (unread) response.setHeader('Connection', 'close');
  response.end(`${refused.message}\n`);
  if (unread) await drain(request);
}

/** Reads on for a moment so that the client can take the answer instead of a reset; then hangs up. */
async function drain(request: IncomingMessage): Promise<void> {
  const timer = setTimeout(() => request.destroy(), 5_000);
  try {
    request.resume();
    await once(request, 'close');
  } catch {
    // The client hung up first.
  } finally {
    clearTimeout(timer);
  }
}
