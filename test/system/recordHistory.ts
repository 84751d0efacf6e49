import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import type { WorkflowHandle } from '@temporalio/client';

const HISTORIES = new URL('../histories/', import.meta.url);

/**
 * With RECORD_HISTORIES=1 keeps the history of a closed execution as `test/histories/<name>.json`, for the replay test.
 * A history that is there already stays: it is what an earlier release left behind.
 */
export async function recordHistory(name: string, handle: Pick<WorkflowHandle, 'fetchHistory'>): Promise<void> {
  const file = new URL(`${name}.json`, HISTORIES);
  if (process.env['RECORD_HISTORIES'] !== '1' || existsSync(file)) return;
  await mkdir(HISTORIES, { recursive: true });
  // Not by historyToJSON: it throws where its protobufjs is not the very copy that the messages were made with.
  const history: unknown = JSON.parse(JSON.stringify(await handle.fetchHistory()));
  await writeFile(file, `${JSON.stringify(scrub(history), null, 1)}\n`);
}

/** Without what tells of the machine: identities, who changed something, names of sticky queues (made of them), stack traces (paths). */
function scrub(value: unknown, key = ''): unknown {
  if (typeof value === 'string') {
    if (key === 'stackTrace') return '';
    if (key === 'who') return 'recorded';
    if (key === 'data') return scrubPayload(value);
    return value.replaceAll(/\d+@[\w.-]+/g, 'recorded');
  }
  if (Array.isArray(value)) return value.map((item) => scrub(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, scrub(inner, name)]));
}

/** Payloads of Penstock hold JSON; one that does not is kept as it is, and the replay test looks into it. */
function scrubPayload(base64: string): string {
  const text = Buffer.from(base64, 'base64').toString('utf8');
  try {
    return Buffer.from(JSON.stringify(scrub(JSON.parse(text)))).toString('base64');
  } catch {
    return base64;
  }
}
