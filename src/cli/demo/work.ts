import type { Target } from './target.js';

/** What is done with a stack, and what it is to have in its environment for that. */
export interface Work {
  environment: Record<string, string>;
  /** Returns the exit code. */
  run(target: Target, context: { reportDir: string; signal: AbortSignal }): Promise<number>;
}
