import { createServer, connect, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/**
 * A broker that one client can lose while everybody else keeps it: a TCP proxy before a real one. The broker names its
 * own address in its answers; the proxy writes its own port there, so that clients stay with it.
 */
export interface BrokerProxy {
  /** host:port */
  address: string;
  /** Cuts every connection and takes none until `open`. */
  shut(): Promise<void>;
  open(): Promise<void>;
  /** Swallows the next `count` answers to produce requests, and cuts their connections: the broker has the records. */
  dropProduceAnswers(count: number): void;
  /** Produce answers that were swallowed so far. */
  dropped(): number;
  /** From now on each answer comes so much later; milliseconds. */
  slow(delayMs: number): void;
  /** Shuts for good. */
  close(): Promise<void>;
}

/** Number of the produce request in the protocol (https://kafka.apache.org/protocol). */
const PRODUCE = 0;

/** `broker` is host:port with an IPv4 address or a name, as the broker advertises it. */
export async function startBrokerProxy(broker: string): Promise<BrokerProxy> {
  const [host = '127.0.0.1', portText = ''] = broker.split(':');
  const port = Number(portText);
  const sockets = new Set<Socket>();
  let ownPort = 0;
  let toDrop = 0;
  let dropped = 0;
  let delayMs = 0;
  const server = createServer((client) => {
    const upstream = connect(port, host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    const produces = new Set<number>();
    let lastAtMs = 0;
    /** In the order in which they came, also where the delay becomes less. */
    const answer = (frame: Buffer): void => {
      lastAtMs = Math.max(lastAtMs, performance.now() + delayMs);
      const waitMs = lastAtMs - performance.now();
      const write = (): void => {
        if (!client.destroyed) client.write(frame);
      };
      if (delayMs === 0 && waitMs <= 0) write();
      else setTimeout(write, Math.ceil(waitMs));
    };
    client.on(
      'data',
      frames((frame) => {
        // length, api key, api version, correlation id
        if (frame.readInt16BE(4) === PRODUCE) produces.add(frame.readInt32BE(8));
        upstream.write(frame);
      }),
    );
    upstream.on(
      'data',
      frames((frame) => {
        if (toDrop > 0 && produces.has(frame.readInt32BE(4))) {
          toDrop -= 1;
          dropped += 1;
          client.destroy();
          return;
        }
        answer(rewrite(frame, advertised(host, port), advertised(host, ownPort)));
      }),
    );
  });
  const open = (): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(ownPort, '127.0.0.1', resolve);
    });
  const shut = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  await open();
  ownPort = (server.address() as AddressInfo).port;
  return {
    address: `127.0.0.1:${ownPort}`,
    shut,
    open,
    dropProduceAnswers: (count) => (toDrop = count),
    dropped: () => dropped,
    slow: (ms) => (delayMs = ms),
    close: shut,
  };
}

/** Calls `use` with each whole message of the protocol: a 32-bit length, then so many bytes. */
function frames(use: (frame: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 4) {
      const length = 4 + rest.readInt32BE(0);
      if (rest.length < length) return;
      use(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
  };
}

/** Host and port in an answer of the protocol: a string with its length in 16 bits, then a 32-bit number. */
function advertised(host: string, port: number): Buffer {
  const bytes = Buffer.alloc(2 + host.length + 4);
  bytes.writeInt16BE(host.length, 0);
  bytes.write(host, 2);
  bytes.writeInt32BE(port, 2 + host.length);
  return bytes;
}

function rewrite(chunk: Buffer, from: Buffer, to: Buffer): Buffer {
  for (let at = chunk.indexOf(from); at !== -1; at = chunk.indexOf(from, at + 1)) to.copy(chunk, at);
  return chunk;
}
