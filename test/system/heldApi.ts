import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An API of numbered rows, one a page, that keeps a page back until it is told to give it. */
export interface HeldApi {
  url: string;
  /** Rows that it has. */
  rows: number;
  /** From this page on, from 1, it does not answer. Undefined: it answers all. */
  heldFrom: number | undefined;
  /** Answers what was held, and all that comes. */
  release: () => void;
  close: () => Promise<void>;
}

/** Starts one on this machine; its pages are `{ items: [{ id }], next }`. */
export async function startHeldApi(rows: number): Promise<HeldApi> {
  const waiting = new Map<ServerResponse, number>();
  const answer = (response: ServerResponse, page: number): void => {
    const next = page < api.rows ? String(page + 1) : null;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ items: [{ id: page }], next }));
  };
  const server = createServer((request, response) => {
    const page = Number(new URL(request.url ?? '/', 'http://127.0.0.1').searchParams.get('cursor') ?? 1);
    if (page < (api.heldFrom ?? Infinity)) {
      answer(response, page);
      return;
    }
    waiting.set(response, page);
    response.once('close', () => waiting.delete(response));
  });
  const api: HeldApi = {
    url: await listen(server),
    rows,
    heldFrom: undefined,
    release: () => {
      api.heldFrom = undefined;
      for (const [response, page] of waiting) answer(response, page);
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
  return api;
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/rows`;
}

/** A dataset of it; `rest` is further YAML of its manifest. */
export function heldManifest(name: string, { url }: HeldApi, rest = ''): string {
  return `
version: penstock/v1
name: ${name}
source:
  type: http
  url: ${url}
  pagination: { type: cursor, next: next }
  records: items
  requestsPerSecond: 1000
  timeout: 5m
format: { type: json }
columns: [{ name: id, type: UInt64 }]
target: { mode: append, key: [id], orderBy: [id] }
${rest}`;
}
