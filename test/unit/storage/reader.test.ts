import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createObjectReader } from '../../../src/storage/index.js';

/** A storage server that sends half an object, and then says nothing more or closes. */
async function halfServer(then: 'stalls' | 'closes'): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': '100000' });
    response.write(Buffer.alloc(50_000), () => then === 'closes' && setTimeout(() => response.destroy(), 50));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.each(['stalls', 'closes'] as const)(
  'half an object whose server %s is a passing failure long before the limit',
  async (then) => {
    const endpoint = await halfServer(then);
    const reader = createObjectReader({ endpoint, maxBytes: 1_000_000, timeoutMs: 60_000, idleMs: 300 });
    const startedAt = performance.now();
    const read = await reader.read({ bucket: 'b', object: 'half.jpg', generation: '1' });
    expect(read).toMatchObject({ kind: 'retry', reason: 'DOWNLOAD_FAILED' });
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  },
);
