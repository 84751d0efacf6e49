import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { parseManifest, type Manifest } from '../../../../src/datasets/index.js';
import { readFirst } from '../../../../src/datasets/run/readFirst.js';
import type { ObjectLister, ObjectStreamer } from '../../../../src/storage/index.js';
import type { Warehouse } from '../../../../src/warehouse/index.js';
import { temporaryFolder } from '../../embedded/rig.js';

function manifestOf(source: string, format: string): Manifest {
  const text = `version: penstock/v1
name: orders
source: ${source}
format: { type: ${format} }
columns: [{ name: id, type: UInt32 }]
target: { mode: append, orderBy: [id], key: [id] }
`;
  return parseManifest(text, 'orders.yaml').manifest;
}

const unasked = (): never => {
  throw new Error('nobody has to be asked');
};
const dependencies = {
  ...{ lister: { list: unasked }, streamer: { open: unasked }, secrets: unasked, allowPrivate: ['127.0.0.1'] },
  ...{ pace: { take: () => Promise.resolve() }, warehouse: {} as Warehouse },
};

it('the first rows of a bucket that never ends are those of a page of its list, and of objects in their turn', async () => {
  let listed = 0;
  const opened: string[] = [];
  const lister: ObjectLister = {
    list: ({ limit }) => {
      listed += 1;
      const resources = Array.from({ length: limit }, (_, index) => ({
        name: `orders/${String(listed * 10_000 + index)}.csv`,
        generation: '1',
        size: 9,
      }));
      return Promise.resolve({ kind: 'page', resources, last: resources.at(-1)?.name, isEnd: false });
    },
  };
  const streamer: ObjectStreamer = {
    open: async function* ({ object }) {
      opened.push(object);
      yield await Promise.resolve(Buffer.from('id\n1\n2\n3\n'));
    },
  };
  const manifest = manifestOf("{ type: objects, bucket: shop-exports, match: ['orders/*.csv'] }", 'csv');
  const { signal } = new AbortController();
  const of = { manifest, now: new Date(), signal, dir: await temporaryFolder(), limit: 5 };
  const { cuts, isCut } = await readFirst({ ...dependencies, lister, streamer }, of);
  let read = 0;
  for await (const { piece, behind } of cuts) {
    read += piece.read;
    expect(behind.kind).toBe('at');
    await rm(piece.path);
  }
  expect([read, listed, [...new Set(opened)], isCut()]).toEqual([
    5,
    1,
    ['orders/10000.csv', 'orders/10001.csv'],
    false,
  ]);
});

it('an API whose pages are empty and never end is asked for a hundred of them', async () => {
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    response.setHeader('content-type', 'application/json');
    response.end(`{"data":[],"next":"${asked}"}`);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const source = `{ type: http, url: 'http://127.0.0.1:${port}/', records: data, pagination: { type: cursor, next: next } }`;
  const { signal } = new AbortController();
  const of = { manifest: manifestOf(source, 'json'), now: new Date(), signal, dir: await temporaryFolder(), limit: 5 };
  const { cuts, isCut } = await readFirst(dependencies, of);
  for await (const { piece } of cuts) expect(piece).toBeUndefined();
  expect([asked, isCut()]).toEqual([100, true]);
});
