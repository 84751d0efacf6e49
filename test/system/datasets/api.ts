import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Random } from './random.js';

/** What one address answers. */
export interface ApiRoute {
  /** Default: anyone may ask. */
  token?: string;
  /** JSON of each record, in the order in which pages have them. */
  records: (query: URLSearchParams) => readonly string[];
  /** The text of a page. `next` is the cursor of the page behind it; undefined at the end. */
  page: (records: readonly string[], next: string | undefined) => string;
  /** Default: application/json. */
  contentType?: string;
}

export interface ApiOptions {
  seed: number;
  /** Share of 0 to 1 of requests that are answered badly: 503, 429, or an answer that breaks off. Default: 0. */
  flaky?: number;
}

export interface Api {
  /** Like http://127.0.0.1:4711. */
  url: string;
  /** By path, like /v1/orders; may be changed while it runs. */
  routes: Map<string, ApiRoute>;
  /** Requests by the status that they were answered with; those that broke off as 0. */
  answers: Map<number, number>;
  close(): Promise<void>;
}

/** Records of a page where the request does not say. */
const PAGE_SIZE = 100;

/**
 * Serves lists page by page on this machine. Pages are asked for with `limit` and either `cursor` or `page`; without the
 * two, and without `limit`, the answer is the whole list.
 */
export async function startApi({ seed, flaky = 0 }: ApiOptions): Promise<Api> {
  const random = new Random(seed);
  const routes = new Map<string, ApiRoute>();
  const answers = new Map<number, number>();
  const server = createServer((request, response) => {
    const status = random.chance(flaky) ? answerBadly(response, random) : answer(request, response, routes);
    answers.set(status, (answers.get(status) ?? 0) + 1);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, routes, answers, close: () => close(server) };
}

function answerBadly(response: ServerResponse, random: Random): number {
  const status = random.pick([503, 429, 0]);
  if (status > 0) {
    response.writeHead(status, { 'retry-after': '0', 'content-type': 'text/plain' }).end('later');
    return status;
  }
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
  response.write('{"data":', () => response.destroy());
  return status;
}

function answer(request: IncomingMessage, response: ServerResponse, routes: ReadonlyMap<string, ApiRoute>): number {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
  const route = routes.get(pathname);
  const status =
    route === undefined
      ? 404
      : route.token !== undefined && request.headers.authorization !== `Bearer ${route.token}`
        ? 401
        : 200;
  if (route === undefined || status !== 200) {
    response.writeHead(status).end();
    return status;
  }
  const { contentType = 'application/json' } = route;
  response.writeHead(200, { 'content-type': contentType }).end(pageOf(route, searchParams));
  return status;
}

/** The body that a route answers with. */
export function pageOf(route: ApiRoute, query: URLSearchParams): string {
  const records = route.records(query);
  const isPaged = ['limit', 'cursor', 'page'].some((name) => query.has(name));
  if (!isPaged) return route.page(records, undefined);
  const size = Number(query.get('limit') ?? PAGE_SIZE);
  const page = query.get('page');
  const from = page === null ? Number(query.get('cursor') ?? 0) : (Number(page) - 1) * size;
  const next = from + size < records.length ? String(from + size) : undefined;
  return route.page(records.slice(from, from + size), next);
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((closed, failed) =>
    server.close((error) => {
      if (error === undefined) closed();
      else failed(error);
    }),
  );
}
