import { pino } from 'pino';
import type { Logger } from '../../../src/telemetry/index.js';

/** A logger that keeps its lines, to see what would be written. */
export function capturedLogger(): { log: Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const log = pino(
    { level: 'debug' },
    {
      write: (line: string) => {
        const parsed: unknown = JSON.parse(line);
        if (typeof parsed === 'object' && parsed !== null) lines.push({ ...parsed });
      },
    },
  );
  return { log, lines };
}
