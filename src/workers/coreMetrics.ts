import { createServer, type AddressInfo } from 'node:net';
import type { MetricsExporterConfig } from '@temporalio/worker';

/** The SDK answers at once or not at all. */
const READ_MS = 2_000;

/** Metrics of the SDK's core: how to have them told, and how to read them. */
export interface CoreMetrics {
  exporter: MetricsExporterConfig;
  read: () => Promise<string>;
}

/**
 * The core tells its metrics on a port of its own only: a free one of loopback, so that the role's `/metrics` can pass
 * them on. Durations are in seconds and names have their units, as Prometheus wants them.
 */
export async function openCoreMetrics(): Promise<CoreMetrics> {
  const address = `127.0.0.1:${await freePort()}`;
  return {
    exporter: {
      prometheus: {
        bindAddress: address,
        countersTotalSuffix: true,
        unitSuffix: true,
        useSecondsForDurations: true,
      },
      attachServiceName: false,
    },
    read: async () => {
      const response = await fetch(`http://${address}/metrics`, { signal: AbortSignal.timeout(READ_MS) });
      if (!response.ok) throw new Error(`the core's metrics: ${response.status}`);
      return response.text();
    },
  };
}

/** One that nobody has at this moment. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
