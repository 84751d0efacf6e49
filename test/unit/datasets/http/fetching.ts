import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import {
  fetchPages,
  HttpSourceError,
  type Clock,
  type FetchOptions,
  type HostPace,
  type HttpSource,
  type Page,
} from '../../../../src/datasets/http/index.js';
import { formatSchema } from '../../../../src/datasets/manifest/format.js';
import { sourceSchema } from '../../../../src/datasets/manifest/source.js';
import { startFlakyApi, type FlakyApi, type FlakyApiOptions, type FlakyRecord } from '../../../system/flakyApi.js';

export const SECRET = 'se/cret+value-7f3a9';
/** Ids of so many records of an API. */
export const ids = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
export const JSON_FORMAT = formatSchema.parse({ type: 'json' });
export const unpaced: HostPace = { take: () => Promise.resolve() };

/** The source of a manifest, with its defaults. */
export function sourceOf(fields: Record<string, unknown>): HttpSource {
  const source = sourceSchema.parse({ type: 'http', ...fields });
  if (source.type !== 'http') throw new Error('no source of http');
  return source;
}

export function optionsOf(options: Partial<FetchOptions> = {}): FetchOptions {
  return {
    format: JSON_FORMAT,
    variables: {},
    secrets: () => SECRET,
    allowPrivate: ['127.0.0.1/32'],
    pace: unpaced,
    signal: new AbortController().signal,
    ...options,
  };
}

export async function fetchAll(source: HttpSource, options: Partial<FetchOptions> = {}): Promise<Page[]> {
  const pages: Page[] = [];
  for await (const page of fetchPages(source, optionsOf(options))) pages.push(page);
  return pages;
}

/** What fetching fails with. */
export async function failureOf(source: HttpSource, options: Partial<FetchOptions> = {}): Promise<HttpSourceError> {
  try {
    await fetchAll(source, options);
  } catch (error) {
    if (error instanceof HttpSourceError) return error;
    throw error;
  }
  throw new Error('nothing failed');
}

/** A clock on which waits take no time, and which knows them. */
export function fastClock(): Clock & { waits: number[] } {
  const waits: number[] = [];
  let skipped = 0;
  return {
    waits,
    now: () => performance.now() + skipped,
    sleep: (ms) => {
      waits.push(ms);
      skipped += ms;
      return Promise.resolve();
    },
  };
}

/** Gone when the test ends. */
export async function startApi(options: FlakyApiOptions): Promise<FlakyApi> {
  const api = await startFlakyApi(options);
  onTestFinished(() => api.close());
  return api;
}

export interface TestServer {
  url: string;
  host: string;
  requests: IncomingMessage[];
  /** That are open now. */
  connections: () => Promise<number>;
}

/** A server that answers as a test says; gone when the test ends. */
export async function serve(listener: RequestListener): Promise<TestServer> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const connections = (): Promise<number> =>
    new Promise((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count))));
  return { url: `http://${host}/records`, host, requests, connections };
}

/** A server that gives these bodies, one a request, and the last one ever after. */
export async function serveBodies(...bodies: (string | Buffer)[]): Promise<TestServer> {
  let asked = 0;
  return serve((_request, response) => response.end(bodies[Math.min(asked++, bodies.length - 1)]));
}

export const numbered = (count: number): FlakyRecord[] =>
  Array.from({ length: count }, (_, index) => ({ id: index + 1, name: `n${index + 1}` }));

/** Ids of the records of pages of `{ id }`, wherever their list is. */
export function idsOf(pages: readonly Page[]): number[] {
  return pages.flatMap(({ body }) => [...body.toString('utf8').matchAll(/"id":(\d+)/g)].map(([, id]) => Number(id)));
}
