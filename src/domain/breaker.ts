import type { ImageReason } from './reasons.js';

/**
 * The circuit breaker of each source. Plain data without imports at run time, because workflows are bundled with it.
 *
 * A source is a bucket under a model: rights and outages belong to the bucket, shapes and providers to the model.
 */
export interface Source {
  bucket: string;
  /** Name of the model, without its hash. */
  model: string;
}

/** One string for a source: a bucket has no slash in its name. */
export function sourceKey({ bucket, model }: Source): string {
  return `${bucket}/${model}`;
}

/** Id of the one execution of the workflow `breaker`. */
export const BREAKER_WORKFLOW_ID = 'penstock-breaker';
export const BREAKER_SIGNALS = {
  evidence: 'evidence',
  probed: 'probed',
  settings: 'settings',
  decide: 'decide',
} as const;
export const BREAKER_QUERY = 'breakers';

export interface BreakerSettings {
  /** Images that must have failed, each at least twice, before a breaker opens. */
  minImages: number;
  /** Milliseconds from opening to the first probe; doubled after each that fails, up to `maxProbeMs`. */
  probeMs: number;
  maxProbeMs: number;
}

/** What one batch has seen of one source: images that fail for a reason that is the system's, and images that do not. */
export interface SourceEvidence extends Source {
  reason: ImageReason;
  failing: number;
  working: number;
  /** For a person: what exactly went wrong, for one of them. */
  detail: string;
}

/** What became of a probe: a few images of a source whose breaker is open. */
export interface ProbeOutcome extends Source {
  failing: number;
  working: number;
  /** Of the failing ones; undefined where none failed. */
  reason?: ImageReason;
  detail?: string;
}

/** A person opens or closes a breaker by hand. */
export interface BreakerDecision extends Source {
  open: boolean;
  /** Who, and why. */
  why: string;
}

/** A source whose events are held. */
export interface OpenBreaker extends Source {
  /** What most of them fail for; `BY_HAND` where a person opened it: then nothing probes it. */
  reason: ImageReason | 'BY_HAND';
  detail: string;
  /** How many of how many images failed when it opened. */
  failing: number;
  of: number;
  openedAtMs: number;
  /** When a few images may be tried; undefined where only a person closes it. */
  nextProbeAtMs?: number;
  /** Probes that failed so far. */
  probes: number;
}

export interface BreakerState {
  open: OpenBreaker[];
}

/** For a person: `gs://uploads under shapes is held since 2026-01-31T12:00:00.000Z: 24 of 24 images failed, most FORBIDDEN (…)`. */
export function describeBreaker(breaker: OpenBreaker): string {
  const { bucket, model, reason, detail, failing, of, openedAtMs, nextProbeAtMs } = breaker;
  const since = new Date(openedAtMs).toISOString();
  const what =
    reason === 'BY_HAND' ? `by hand (${detail})` : `${failing} of ${of} images failed, most ${reason} (${detail})`;
  const next =
    nextProbeAtMs === undefined ? 'until it is closed by hand' : `next probe ${new Date(nextProbeAtMs).toISOString()}`;
  return `gs://${bucket} under ${model} is held since ${since}: ${what}; ${next}`;
}
