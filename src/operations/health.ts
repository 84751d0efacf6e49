import { z } from 'zod';
import { DEFAULT_ROLES, type Endpoints } from '../embedded/index.js';
import { reasonOf } from '../telemetry/index.js';

/** How a role or a server answers. */
export interface Health {
  healthy: boolean;
  /** What a role waits for, by name; empty when it is ready. */
  waits: Record<string, string>;
  /** Why it is not healthy, where it does not say so itself. */
  problem: string | null;
}

export const HEALTHY: Health = { healthy: true, waits: {}, problem: null };

export function unhealthy(problem: string, waits: Record<string, string> = {}): Health {
  return { healthy: false, waits, problem };
}

/** Roles that should run: those that do, and those of every stack, unless it runs servers only. */
export function expectedRoles(endpoints: Pick<Endpoints, 'metrics'>): string[] {
  const running = Object.keys(endpoints.metrics);
  if (running.length === 0) return [];
  const usual = DEFAULT_ROLES.map(({ name, role }) => name ?? role);
  return [...usual, ...running.filter((name) => !usual.includes(name))];
}

/** Asks every role whether it is ready; at most `timeoutMs` for all. */
export async function askRoles(
  endpoints: Pick<Endpoints, 'metrics'>,
  timeoutMs: number,
): Promise<Record<string, Health>> {
  const answers = expectedRoles(endpoints).map(async (role): Promise<[string, Health]> => [
    role,
    await askRole(endpoints.metrics[role], timeoutMs),
  ]);
  return Object.fromEntries(await Promise.all(answers));
}

const readySchema = z.object({ waits: z.record(z.string(), z.string()).optional() });

async function askRole(metrics: string | undefined, timeoutMs: number): Promise<Health> {
  if (metrics === undefined) return unhealthy('does not run');
  try {
    const response = await fetch(new URL('/readyz', metrics), { signal: AbortSignal.timeout(timeoutMs) });
    const { waits = {} } = readySchema.parse(await response.json());
    return response.ok ? HEALTHY : { healthy: false, waits, problem: null };
  } catch (error) {
    return unhealthy(`does not answer: ${reasonOf(error)}`);
  }
}

/** One line about a health: what is waited for, or what is wrong. */
export function describeHealth({ healthy, waits, problem }: Health): string {
  if (healthy) return 'ready';
  const sentences = Object.entries(waits).map(([name, sentence]) => `${name}: ${sentence}`);
  return [...(problem === null ? [] : [problem]), ...sentences].join('; ') || 'not ready';
}
