import { DATASET_NAME } from '../../domain/index.js';
import { UsageError } from '../verb.js';

export interface StackFlags {
  dataDir?: string;
  json?: boolean;
}

export interface FollowFlags extends StackFlags {
  /** Commander's `--no-wait`. */
  wait: boolean;
}

export interface RunFlags extends FollowFlags {
  date?: string;
  since?: string;
  until?: string;
  full?: boolean;
  key?: string;
}

export interface RunsFlags extends StackFlags {
  status?: string;
  limit: string;
}

export interface QuarantineFlags extends StackFlags {
  run?: string;
  reason?: string;
  limit: string;
}

export interface ApplyFlags extends StackFlags {
  dryRun?: boolean;
  allowDelete?: boolean;
}

export interface PreviewFlags extends StackFlags {
  rows?: number;
}

export interface BackfillFlags extends StackFlags {
  from: string;
  to: string;
}

/** Throws UsageError for what can be no dataset. */
export function datasetName(text: string): string {
  if (!DATASET_NAME.test(text))
    throw new UsageError(`'${text}' is no name of a dataset: small letters, digits and underscores`);
  return text;
}

/** Throws UsageError for a count that is out of bounds. */
export function limitOf(text: string, most: number): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > most)
    throw new UsageError(`--limit '${text}': a whole number from 1 to ${most}`);
  return limit;
}

/** A moment as ISO 8601 in UTC. Throws UsageError that names the option. */
export function momentOf(text: string, option: string): string {
  const isIso = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/.test(text);
  const at = isIso ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) throw new UsageError(`${option} '${text}': like 2026-01-31 or 2026-01-31T12:00:00Z`);
  return new Date(at).toISOString();
}
