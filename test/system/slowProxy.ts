import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A server that answers late: a TCP proxy before it that holds every byte of its answers for so long. */
export interface SlowProxy {
  /** host:port */
  address: string;
  close(): Promise<void>;
}

/** `server` is host:port. */
export async function startSlowProxy(server: string, delayMs: number): Promise<SlowProxy> {
  const [host = '127.0.0.1', port = ''] = server.split(':');
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const upstream = connect(Number(port), host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        setTimeout(() => {
          client.destroy();
          upstream.destroy();
        }, delayMs);
      });
    }
    client.pipe(upstream);
    upstream.on('data', (chunk) => setTimeout(() => client.destroyed || client.write(chunk), delayMs));
    upstream.on('end', () => setTimeout(() => client.end(), delayMs));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        proxy.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
