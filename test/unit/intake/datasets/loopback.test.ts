import { expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../../../src/config/index.js';
import { serveDatasetsApi } from '../../../../src/intake/datasets/index.js';
import { createHttpServer } from '../../../../src/service/index.js';
import { createMetrics } from '../../../../src/telemetry/index.js';
import { capturedLogger } from '../capturedLogger.js';

async function serve(host: string): Promise<{ status: number; lines: Record<string, unknown>[] }> {
  const config = loadConfig({ PENSTOCK_HTTP_HOST: host });
  const { log, lines } = capturedLogger();
  const metrics = createMetrics('intake');
  const http = createHttpServer({ metrics, waits: new Map(), maxBodyBytes: 1024, maxConnections: 100 });
  const api = await serveDatasetsApi({ config, log, metrics, http });
  onTestFinished(async () => {
    await api.stop();
    await http.close();
  });
  return { status: (await http.inject({ url: '/v1/openapi.json' })).statusCode, lines };
}

it('is there without keys on loopback', async () => {
  expect((await serve('127.0.0.1')).status).toBe(200);
}, 30_000);

it('is not there without keys elsewhere, and the log says why', async () => {
  const { status, lines } = await serve('0.0.0.0');
  expect(status).toBe(404);
  expect(lines.map(({ msg }) => msg)).toEqual(['no API of datasets: PENSTOCK_API_KEYS has no key']);
});
