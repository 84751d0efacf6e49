import type { Endpoints } from '../../embedded/index.js';

/** What a person can look at and try while the stack is kept. */
export function keptHelp(endpoints: Endpoints, dataDir: string, { removed }: { removed: boolean }): string {
  const addresses: [string, string | undefined][] = [
    ['Temporal UI', endpoints.temporalUi],
    ['intake', endpoints.intake],
    ['console', endpoints.console],
    ['ClickHouse', endpoints.clickhouse],
    ['storage', `${endpoints.gcs} (bucket ${endpoints.bucket})`],
    ['Kafka', endpoints.kafka],
    ['Temporal', endpoints.temporal],
  ];
  const counts = 'SELECT class, sum(detections) FROM penstock.detections_hourly GROUP BY class FORMAT PrettyCompact';
  const dead = "SELECT object, reason, detail FROM penstock.images WHERE status = 'dead' FORMAT PrettyCompact";
  const commands = [
    `npx penstock status --data-dir ${dataDir}`,
    `curl -s ${endpoints.clickhouse} --data-binary "${counts}"`,
    `curl -s ${endpoints.clickhouse} --data-binary "${dead}"`,
  ];
  const lines = [
    `Everything goes on running. Ctrl-C stops it${removed ? ` and removes ${dataDir}` : ''}.`,
    ...addresses.flatMap(([name, address]) => (address === undefined ? [] : [`  ${name.padEnd(12)} ${address}`])),
    'Try, in another terminal:',
    ...commands.map((command) => `  ${command}`),
  ];
  return `${lines.join('\n')}\n`;
}
