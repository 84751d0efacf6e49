import {
  sourceKey,
  type BreakerDecision,
  type BreakerSettings,
  type BreakerState,
  type OpenBreaker,
  type ProbeOutcome,
  type SourceEvidence,
} from '../domain/breaker.js';

/** Evidence counts for so long; milliseconds. */
const MEMORY_MS = 5 * 60_000;
/** Most sources with evidence, and most open breakers: the state travels in queries and in continue-as-new. */
const MAX_SOURCES = 1_000;
/** Most pieces of evidence that continue as new, and most characters of a detail: Temporal takes 2 MB. */
const MAX_CARRIED = 1_000;
const MAX_DETAIL = 200;
/** A breaker opens when more than this share of the last images fails, whatever reasons of the system they have. */
const OPENING_SHARE = 0.5;

interface Seen {
  atMs: number;
  evidence: SourceEvidence;
}

/** What continues as new. */
export interface BoardSnapshot {
  settings: BreakerSettings;
  open: OpenBreaker[];
  seen: Seen[];
}

/** The breakers of all sources. Plain and deterministic: it lives inside a workflow, which gives it the time. */
export class BreakerBoard {
  #settings: BreakerSettings;
  readonly #open: Map<string, OpenBreaker>;
  /** By source, oldest first. */
  readonly #seen = new Map<string, Seen[]>();

  constructor({ settings, open, seen }: BoardSnapshot) {
    this.#settings = settings;
    this.#open = new Map(open.map((breaker) => [sourceKey(breaker), breaker]));
    for (const one of seen) this.#remember(one);
  }

  configure(settings: BreakerSettings): void {
    this.#settings = settings;
  }

  /** Takes in what batches have seen; opens the breakers of sources of which most images fail. */
  add(evidence: readonly SourceEvidence[], nowMs: number): void {
    for (const { detail, ...rest } of evidence) {
      const one = { ...rest, detail: detail.slice(0, MAX_DETAIL) };
      const key = sourceKey(one);
      if (this.#open.has(key)) continue;
      this.#remember({ atMs: nowMs, evidence: one });
      const verdict = this.#judge(key, nowMs);
      if (verdict === undefined || this.#open.size >= MAX_SOURCES) continue;
      this.#seen.delete(key);
      const { bucket, model } = one;
      const nextProbeAtMs = nowMs + this.#settings.probeMs;
      this.#open.set(key, { bucket, model, ...verdict, openedAtMs: nowMs, nextProbeAtMs, probes: 0 });
    }
  }

  /** Closes a breaker whose probe went well; puts the next probe off where it did not. */
  probed(outcome: ProbeOutcome, nowMs: number): void {
    const key = sourceKey(outcome);
    const breaker = this.#open.get(key);
    if (breaker?.nextProbeAtMs === undefined || outcome.failing + outcome.working === 0) return;
    if (outcome.failing <= outcome.working) {
      this.#open.delete(key);
      return;
    }
    const probes = breaker.probes + 1;
    const { probeMs, maxProbeMs } = this.#settings;
    const waitMs = Math.min(maxProbeMs, probeMs * 2 ** Math.min(probes, 30));
    const { reason = breaker.reason, detail = breaker.detail } = outcome;
    const nextProbeAtMs = nowMs + waitMs;
    this.#open.set(key, { ...breaker, reason, detail: detail.slice(0, MAX_DETAIL), probes, nextProbeAtMs });
  }

  /** Throws TypeError for what a person has written wrong. */
  decide({ bucket, model, open, why }: BreakerDecision, nowMs: number): void {
    const texts: unknown[] = [bucket, model, why];
    if (texts.some((text) => typeof text !== 'string') || typeof open !== 'boolean')
      throw new TypeError('a decision has bucket, model and why, which are strings, and open, true or false');
    const key = sourceKey({ bucket, model });
    this.#seen.delete(key);
    if (!open) this.#open.delete(key);
    else if (this.#open.size < MAX_SOURCES || this.#open.has(key))
      this.#open.set(key, {
        ...{ bucket, model, reason: 'BY_HAND', detail: why.slice(0, MAX_DETAIL) },
        ...{ failing: 0, of: 0, openedAtMs: nowMs, probes: 0 },
      });
  }

  state(): BreakerState {
    return { open: [...this.#open.values()] };
  }

  snapshot(nowMs: number): BoardSnapshot {
    const seen = [...this.#seen.values()].flatMap((of) =>
      merged(
        of.filter(({ atMs }) => nowMs - atMs <= MEMORY_MS),
        0,
      ),
    );
    // The sources that spoke last are last.
    return { settings: this.#settings, open: [...this.#open.values()], seen: seen.slice(-MAX_CARRIED) };
  }

  #remember(one: Seen): void {
    const key = sourceKey(one.evidence);
    const seen = (this.#seen.get(key) ?? []).filter(({ atMs }) => one.atMs - atMs <= MEMORY_MS);
    // The last to speak goes last; of too many sources the one that was silent for longest is forgotten.
    this.#seen.delete(key);
    this.#seen.set(key, merged([...seen, one], MAX_SEEN));
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > MAX_SOURCES && oldest !== undefined) this.#seen.delete(oldest);
  }

  #judge(key: string, nowMs: number): Pick<OpenBreaker, 'reason' | 'detail' | 'failing' | 'of'> | undefined {
    const seen = (this.#seen.get(key) ?? []).filter(({ atMs }) => nowMs - atMs <= MEMORY_MS);
    const byReason = new Map<
      SourceEvidence['reason'],
      { reason: SourceEvidence['reason']; images: number; detail: string }
    >();
    let failing = 0;
    let of = 0;
    for (const { evidence } of seen) {
      const { reason, detail } = evidence;
      byReason.set(reason, { reason, detail, images: (byReason.get(reason)?.images ?? 0) + evidence.failing });
      failing += evidence.failing;
      of += evidence.failing + evidence.working;
    }
    const [most] = [...byReason.values()].sort((a, b) => b.images - a.images);
    if (most === undefined || failing < this.#settings.minImages || failing <= of * OPENING_SHARE) return undefined;
    return { reason: most.reason, detail: most.detail, failing, of };
  }
}

/** Most pieces of evidence of one source that are kept apart. */
const MAX_SEEN = 50;

/**
 * Adds up the oldest two of one reason as long as there are more than so many pieces, and such two: they are remembered
 * a little shorter, and count the same.
 */
function merged(seen: Seen[], most: number): Seen[] {
  const left = [...seen];
  for (let first = 0; left.length > most && first < left.length;) {
    const older = left[first];
    const next = left.findIndex((one, index) => index > first && one.evidence.reason === older?.evidence.reason);
    const newer = left[next];
    if (older === undefined || newer === undefined) {
      first += 1;
      continue;
    }
    const failing = older.evidence.failing + newer.evidence.failing;
    const working = older.evidence.working + newer.evidence.working;
    left[first] = { atMs: older.atMs, evidence: { ...newer.evidence, failing, working } };
    left.splice(next, 1);
  }
  return left;
}
