import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Logger } from '../../telemetry/index.js';
import type { Ports } from '../ports.js';

/** What a server is started with. */
export interface ServerContext {
  /** Folder of the stack; a server keeps its files in one of its own inside. */
  dataDir: string;
  /** Cache of downloads. */
  cache: string;
  /** That of the roles too, but for what points them at the servers. */
  environment: NodeJS.ProcessEnv;
  ports: Ports;
  log: Logger;
}

/** A server that is to be started, on ports that were free a moment ago. */
export interface ServerPlan {
  command: string;
  args: readonly string[];
  environment?: Record<string, string>;
  ready: (signal: AbortSignal) => Promise<void>;
  /** Names of the ports it takes, to choose others when one turns out to be in use. */
  listeners: readonly string[];
}

/** A server that was found: it runs elsewhere, or `plan` says how to start it. */
export type ResolvedServer<A> =
  | { kind: 'elsewhere'; addresses: A }
  | { kind: 'start'; from: string; plan: () => Promise<ServerPlan & { addresses: A }> };

/** The path of a program on the PATH, as `which` finds it. */
export function programOnPath(environment: NodeJS.ProcessEnv, ...names: string[]): string | undefined {
  for (const folder of (environment['PATH'] ?? '').split(delimiter)) {
    for (const name of names) {
      const path = join(folder, name);
      if (folder !== '' && isExecutable(path)) return path;
    }
  }
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
