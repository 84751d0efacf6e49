import type { ZodError } from 'zod';
import type { DeadLetterReason, ImageRef } from '../domain/index.js';

/** One finalized object, as an event or a listing described it. */
export interface FinalizedObject extends ImageRef {
  /** When the object was created, milliseconds since the epoch. */
  uploadedAtMs: number;
  contentType?: string;
  sizeBytes?: number;
  /** Custom metadata of the object; routing looks at it. */
  metadata: Readonly<Record<string, unknown>>;
}

/** What is said of one object, before anything is decided about it. */
export type Reading =
  | { kind: 'object'; object: FinalizedObject }
  | { kind: 'ignored'; outcome: 'ignored_type' }
  /** `file` where it is told completely. */
  | { kind: 'ignored'; outcome: 'ignored_not_image'; file?: ImageRef }
  | { kind: 'refused'; reason: DeadLetterReason; detail: string };

export function refused(reason: DeadLetterReason, detail: string): Reading {
  return { kind: 'refused', reason, detail };
}

/** Names the fields that do not fit, without their values. */
export function invalid(error: ZodError, where = ''): Reading {
  const problems = error.issues.slice(0, 8).map((issue) => {
    const path = [...(where === '' ? [] : [where]), ...issue.path.map(String)].join('.');
    return `${path === '' ? 'event' : path}: ${issue.message}`;
  });
  return refused('INVALID_EVENT', problems.join('; '));
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
