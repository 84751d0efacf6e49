import { z } from 'zod';
import type { Route, RoutedObject } from './types.js';

/** Key of the object's custom metadata that holds a time, RFC 3339. */
const DEADLINE_METADATA = 'penstock-deadline';
/** Later is as good as never, and no column holds it. */
const NEVER_MS = Date.UTC(2100, 0);
const time = z.iso.datetime({ offset: true });

/**
 * When the result of an image comes too late, in milliseconds since the epoch: what its route says, or its own metadata
 * where that is earlier. Metadata that is no time, and a time after 2099, count as none.
 */
export function deadlineOf(
  { deadlineMs }: Pick<Route, 'deadlineMs'>,
  { metadata, uploadedAtMs }: Pick<RoutedObject, 'metadata'> & { uploadedAtMs: number },
): number | undefined {
  const own = time.safeParse(metadata[DEADLINE_METADATA]);
  const deadlines = [
    ...(deadlineMs === undefined ? [] : [uploadedAtMs + deadlineMs]),
    ...(own.success ? [Date.parse(own.data)] : []),
  ];
  const earliest = Math.min(...deadlines);
  return earliest < NEVER_MS ? earliest : undefined;
}
