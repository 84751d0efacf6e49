import { readFileSync } from 'node:fs';
import type { Metrics } from '../telemetry/index.js';

/** Version of the program, of its package.json. */
export function programVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  return version;
}

/** The metric that says what runs. */
export function buildMetrics(metrics: Metrics) {
  return metrics.gauge('penstock_build_info', 'Always 1; the version of Penstock and of Node.js', ['version', 'node']);
}
