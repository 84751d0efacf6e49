import type { AdmissionConfig } from '../admission/index.js';
import type { Router } from '../routing/index.js';
import { createAdmission, type Admission } from './admit.js';
import { READERS } from './readers.js';
import type { EventRequest } from './reading.js';

/**
 * Decides about a request that was refused once as if it came now, for who sends a dead letter again; undefined for a path
 * that takes no events. Writes nothing.
 */
export function createReadAgain(
  config: AdmissionConfig,
  route: Router,
): (request: EventRequest & { path: string }, nowMs: number) => Admission[] | undefined {
  const admit = createAdmission(config, route);
  return ({ path, ...request }, nowMs) =>
    Object.hasOwn(READERS, path)
      ? READERS[path]?.(request, nowMs).map((event) => admit(event, path, nowMs))
      : undefined;
}
