import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from './files.js';
import { StackError } from './errors.js';

export const HOST = '127.0.0.1';

/** With `--port-base P` a listener has the port P + its offset. Roles beyond these follow from 20 on. */
export const PORT_OFFSETS = {
  intake: 0,
  console: 1,
  temporal: 2,
  temporalUi: 3,
  kafka: 4,
  kafkaController: 5,
  gcs: 6,
  clickhouse: 7,
  dispatcher: 8,
  orchestrator: 9,
  detector: 10,
  sink: 11,
  temporalMetrics: 12,
  temporalHttp: 13,
} as const;
const FIRST_FURTHER_OFFSET = 20;

/**
 * Gives ports to listeners: fixed ones above a base, else those of the last run of the same data directory, else free
 * ones. Throws `StackError` when a fixed one is in use.
 */
export interface Ports {
  take(listener: string): Promise<number>;
  /** True when another program has one of these ports by now; then the next `take` gives others (fixed ones: throws). */
  lost(listeners: readonly string[]): Promise<boolean>;
  /** Remembers the ports for the next run. */
  save(): Promise<void>;
}

const savedSchema = z.record(z.string(), z.int().min(1).max(65_535));

export async function openPorts(dataDir: string, base?: number): Promise<Ports> {
  const path = join(dataDir, 'ports.json');
  const saved = new Map(Object.entries(await readSaved(path)));
  const taken = new Map<string, number>();
  let further = FIRST_FURTHER_OFFSET;
  const offsets = new Map<string, number>(Object.entries(PORT_OFFSETS));
  const fixed = async (listener: string, from: number): Promise<number> => {
    const offset = offsets.get(listener) ?? further++;
    offsets.set(listener, offset);
    const port = from + offset;
    if (await isFree(port)) return port;
    throw new StackError(
      `The port ${port} for ${listener} (--port-base ${from}, offset ${offset}) is in use: choose another base.`,
    );
  };
  const free = async (listener: string): Promise<number> => {
    const last = saved.get(listener);
    if (last !== undefined && ![...taken.values()].includes(last) && (await isFree(last))) return last;
    return freePort([...taken.values(), ...saved.values()]);
  };
  return {
    take: async (listener) => {
      const known = taken.get(listener);
      if (known !== undefined) return known;
      const port = base === undefined ? await free(listener) : await fixed(listener, base);
      taken.set(listener, port);
      return port;
    },
    lost: async (listeners) => {
      let lost = false;
      for (const listener of listeners) {
        const port = taken.get(listener);
        if (port === undefined || (await isFree(port))) continue;
        taken.delete(listener);
        saved.delete(listener);
        lost = true;
      }
      return lost;
    },
    save: () => writeFileAtomic(path, JSON.stringify(Object.fromEntries([...saved, ...taken]), undefined, 2)),
  };
}

async function readSaved(path: string): Promise<Record<string, number>> {
  try {
    return savedSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return {};
  }
}

/**
 * A free port below the range that systems take for outgoing connections (32768 and up on Linux): while a server is
 * down, its port could otherwise become the source port of a client that tries to reach it, and the client would
 * then be connected to itself.
 */
export async function freePort(exclude: readonly number[] = []): Promise<number> {
  for (let tries = 0; tries < 200; tries += 1) {
    const port = 15_000 + Math.floor(Math.random() * 17_000);
    if (!exclude.includes(port) && (await isFree(port))) return port;
  }
  throw new StackError('No free port between 15000 and 32000 was found in 200 tries.');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: HOST, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
