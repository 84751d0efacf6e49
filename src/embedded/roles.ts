import { join } from 'node:path';
import { packageRoot } from './files.js';
import type { ProcessSpec } from './supervised.js';

/** One process of a role. */
export interface RoleSpec {
  /** Verb of the program: `intake`, `detector`, … */
  role: string;
  /** Tells two processes of a role apart: names its log, its pid and its metrics. Default: the role. */
  name?: string;
  /** Limit of its JavaScript heap (old space), in MB. Default 128. */
  heapMb?: number;
  /** Limit of a third of its young generation, in MB. Default 16. */
  semiSpaceMb?: number;
  /** Variables of this process alone. */
  environment?: Record<string, string>;
}

const HEAP_MB = 128;
/** Roles work on thousands of records at a time: what outlives a collection of the young is copied about twice. */
const SEMI_SPACE_MB = 16;

/** The roles of a stack, in the order in which they stop: nothing new comes in before what is in flight has drained. */
export const DEFAULT_ROLES: readonly RoleSpec[] = [
  { role: 'console' },
  { role: 'intake' },
  { role: 'dispatcher' },
  { role: 'detector' },
  // A larger one gives it nothing: it holds no fetches.
  { role: 'orchestrator', heapMb: 256, semiSpaceMb: 4 },
  // Rows are staged outside of its heap.
  { role: 'ingester' },
  { role: 'sink' },
];

export const STOP_ORDER: readonly string[] = DEFAULT_ROLES.map(({ role }) => role);

export function roleName(spec: RoleSpec): string {
  return spec.name ?? spec.role;
}

const READY_TIMEOUT_MS = 60_000;
/** A role gets its own time to drain, and this much more to end. */
const STOP_MARGIN_MS = 5_000;

export function roleProcess(
  spec: RoleSpec,
  options: { dataDir: string; port: number; environment: NodeJS.ProcessEnv; shutdownMs: number },
): ProcessSpec {
  const main = join(packageRoot(), 'dist', 'cli', 'main.js');
  const name = roleName(spec);
  return {
    name,
    command: process.execPath,
    args: [
      `--max-old-space-size=${spec.heapMb ?? HEAP_MB}`,
      `--max-semi-space-size=${spec.semiSpaceMb ?? SEMI_SPACE_MB}`,
      main,
      spec.role,
    ],
    environment: { ...options.environment, ...spec.environment, PENSTOCK_HTTP_PORT: String(options.port) },
    cwd: options.dataDir,
    logPath: join(options.dataDir, 'logs', `${name}.log`),
    ready: 'listening',
    readyTimeoutMs: READY_TIMEOUT_MS,
    stopTimeoutMs: options.shutdownMs + STOP_MARGIN_MS,
  };
}
