import { z } from 'zod';
import type { Route, RoutedObject } from './types.js';

/** Key of the object's custom metadata that holds a time, RFC 3339. */
const DEADLINE_METADATA = 'penstock-deadline';
const time = z.iso.datetime({ offset: true });

/**
 * When the result of an image comes too late, in milliseconds since the epoch: what its route says, or its own metadata
 * where that is earlier. Metadata that is no time counts as none.
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
  return deadlines.length === 0 ? undefined : Math.min(...deadlines);
}
