import type {
  BatchProgress,
  BatchResult,
  DetectBatchInput,
  DetectImagesInput,
  DetectImagesResult,
  FailedImage,
  HoldImagesInput,
  ImageInBatch,
  ImageRef,
  KnownOutcomes,
  OutcomesInput,
  ProbeOutcome,
  RecordDeadInput,
  SourceEvidence,
} from '../domain/index.js';
import { IMAGE_REASONS, isImageReason, type ImageReason } from '../domain/reasons.js';
import { Losses } from './losses.js';

/** An image whose attempts are used up, with its last failure. */
export interface Exhausted {
  image: number;
  attempts: number;
  failure: FailedImage;
}

/** The breaker hears of an image when it has failed so often: the second try is likely to be another detector's. */
const EVIDENCE_ATTEMPTS = 2;

/** The state of each image of a batch. Plain and deterministic: it lives inside a workflow. */
export class BatchState {
  readonly #input: DetectBatchInput;
  /** Index of a pending image to the inferences begun for it. */
  readonly pending: Map<number, number>;
  readonly dead: Map<number, ImageReason>;
  readonly held: Set<number>;
  /** Detectors that were lost under images of it that ran together. */
  readonly losses: Losses;
  readonly #lastFailure = new Map<number, FailedImage>();
  /** Images that the breaker has been told of. */
  readonly #told = new Set<number>();
  /** Buckets of which it knows how many images work. */
  readonly #counted = new Set<number>();
  #detected: number;

  constructor(input: DetectBatchInput) {
    this.#input = input;
    const { progress } = input;
    this.pending = new Map(progress?.pending ?? input.images.map((_, image) => [image, 0]));
    this.dead = new Map(
      (progress?.dead ?? []).flatMap(([image, reason]) => (isImageReason(reason) ? [[image, reason]] : [])),
    );
    this.held = new Set(progress?.held);
    this.losses = new Losses(progress?.lostDetectors ?? 0, this.pending.keys());
    this.#detected = progress?.detected ?? 0;
  }

  get isProbe(): boolean {
    return this.#input.probe ?? false;
  }

  pendingTogether(): number[] {
    return [...this.pending.keys()];
  }

  activityInput(images: number[]): DetectImagesInput {
    return { ...this.#references(images), express: this.#input.express };
  }

  /** Takes the outcome of an activity over `images` in; returns whether any image left the pending state. */
  merge(images: number[], result: DetectImagesResult): boolean {
    const failed = new Map([...result.retry, ...result.dead].map((failure) => [failure.image, failure]));
    const untried = new Set(result.untried);
    const dead = new Set(result.dead.map(({ image }) => image));
    let left = false;
    for (const [index, image] of images.entries()) {
      if (untried.has(index)) continue;
      const failure = failed.get(index);
      if (failure !== undefined && !dead.has(index)) {
        this.pending.set(image, (this.pending.get(image) ?? 0) + 1);
        this.#lastFailure.set(image, failure);
        if (failure.reason !== 'WORKER_LOST') this.losses.survived(image);
        continue;
      }
      left = true;
      this.pending.delete(image);
      if (failure === undefined) this.#detected += 1;
      else this.dead.set(image, failure.reason);
    }
    return left;
  }

  /** Moves the images whose attempts are used up from pending to dead and returns them with their last failure. */
  takeExhausted(): Exhausted[] {
    const exhausted = [...this.pending]
      .filter(([, attempts]) => attempts >= this.#input.maxAttempts)
      .flatMap(([image, attempts]) => {
        const failure = this.#lastFailure.get(image);
        return failure ? [{ image, attempts, failure }] : [];
      });
    for (const { image, failure } of exhausted) {
      this.pending.delete(image);
      this.dead.set(image, failure.reason);
    }
    return exhausted;
  }

  /**
   * Images that have failed at least twice for a reason that is the system's and that the breaker was not told of, by
   * bucket and reason; each once, and with the first of a bucket how many of its images went well.
   */
  takeEvidence(): SourceEvidence[] {
    const needed = Math.min(EVIDENCE_ATTEMPTS, this.#input.maxAttempts);
    const groups = new Map<string, { bucket: number; failure: FailedImage; failing: number }>();
    for (const [image, failure] of this.#lastFailure) {
      const attempts = this.pending.get(image) ?? 0;
      if (attempts < needed || !IMAGE_REASONS[failure.reason].systemic || this.#told.has(image)) continue;
      this.#told.add(image);
      const bucket = this.#input.images[image]?.[0] ?? 0;
      const group = groups.get(`${bucket} ${failure.reason}`) ?? { bucket, failure, failing: 0 };
      group.failing += 1;
      groups.set(`${bucket} ${failure.reason}`, group);
    }
    return [...groups.values()].map(({ bucket, failure, failing }) => {
      const working = this.#counted.has(bucket) ? 0 : this.#working(bucket);
      this.#counted.add(bucket);
      const { reason, detail } = failure;
      return { bucket: this.#input.buckets[bucket] ?? '', model: this.#input.model, reason, detail, failing, working };
    });
  }

  /** What became of the images of each bucket, for the breaker that had them tried. */
  probeOutcomes(): ProbeOutcome[] {
    return this.#input.buckets.map((name, bucket) => {
      const failing = [...this.#imagesOf(bucket)].filter(
        (image) => this.#heldForSystem(image) || this.#diedOfSystem(image),
      );
      const failure = failing.map((image) => this.#lastFailure.get(image)).find((one) => one !== undefined);
      return {
        ...{ bucket: name, model: this.#input.model, failing: failing.length, working: this.#working(bucket) },
        ...(failure ? { reason: failure.reason, detail: failure.detail } : {}),
      };
    });
  }

  holdInput(exhausted: readonly Exhausted[], workflowId: string): HoldImagesInput {
    const { model, buckets, images } = this.#references(exhausted.map(({ image }) => image));
    const { lane } = this.#input;
    return { model, buckets, images, lane, workflowId, ...(this.isProbe ? { always: true } : {}) };
  }

  /** The images wait in Kafka again: they are dead no more, nor pending here. */
  hold(images: readonly number[]): void {
    for (const image of images) {
      this.dead.delete(image);
      this.held.add(image);
    }
  }

  /** Images that are dead for a reason an operator can do something about are pending, as if never tried. */
  revive(): void {
    for (const [image, reason] of this.dead) {
      if (!IMAGE_REASONS[reason].operatorMayRetry) continue;
      this.dead.delete(image);
      this.pending.set(image, 0);
      this.#lastFailure.delete(image);
      this.#told.delete(image);
    }
  }

  outcomesInput(images: number[]): OutcomesInput {
    const { model, buckets, images: packed } = this.#references(images);
    return { model, buckets, images: packed };
  }

  /** Takes in what is known of pending images from elsewhere: they are not tried. */
  know(images: readonly number[], { detected, dead }: KnownOutcomes): void {
    const ended = (index: number): number[] => images.slice(index, index + 1).filter((one) => this.pending.delete(one));
    this.#detected += detected.flatMap(ended).length;
    for (const [index, reason] of dead)
      if (isImageReason(reason)) for (const image of ended(index)) this.dead.set(image, reason);
  }

  recordDeadInput(exhausted: readonly Exhausted[]): RecordDeadInput {
    return {
      ...this.#references(exhausted.map(({ image }) => image)),
      attempts: exhausted.map(({ attempts }) => attempts),
      dead: exhausted.map(({ failure }, index) => ({ ...failure, image: index })),
    };
  }

  /** Detectors that were lost in a row under the same images. */
  get lostDetectors(): number {
    return this.losses.inARow(this.pending);
  }

  progress(): BatchProgress {
    return {
      ...{ detected: this.#detected, pending: [...this.pending], dead: [...this.dead] },
      ...(this.held.size > 0 ? { held: [...this.held] } : {}),
      ...(this.lostDetectors > 0 ? { lostDetectors: this.lostDetectors } : {}),
    };
  }

  /** Where one image is; null when the batch has none such. */
  find({ bucket, object, generation }: ImageRef): ImageInBatch | null {
    const { buckets, images } = this.#input;
    const image = images.findIndex(([of, name, version]) => {
      return name === object && version === generation && buckets[of] === bucket;
    });
    if (image < 0) return null;
    const attempts = this.pending.get(image);
    const failure = this.#lastFailure.get(image);
    if (attempts !== undefined) {
      const last = failure === undefined ? {} : { failure: { reason: failure.reason, detail: failure.detail } };
      return { state: 'pending', attempts, ...last };
    }
    if (this.held.has(image)) return { state: 'held' };
    const reason = this.dead.get(image);
    return reason === undefined ? { state: 'detected' } : { state: 'dead', reason };
  }

  result(): BatchResult {
    const dead: Record<string, number> = {};
    for (const reason of this.dead.values()) dead[reason] = (dead[reason] ?? 0) + 1;
    return {
      ...{ images: this.#input.images.length, detected: this.#detected, dead },
      ...(this.held.size > 0 ? { held: this.held.size } : {}),
    };
  }

  /** Dead images that an operator should see, as `gs://bucket/object#generation: REASON`. */
  failing(): string[] {
    return [...this.dead]
      .filter(([, reason]) => IMAGE_REASONS[reason].failsBatch)
      .map(([image, reason]) => `${this.#name(image)}: ${reason}`);
  }

  /** `12 dead (8 DOWNLOAD_FAILED, 4 GONE)` */
  deadSummary(): string {
    const reasons = Object.entries(this.result().dead).map(([reason, images]) => `${images} ${reason}`);
    return `${this.dead.size} dead (${reasons.join(', ')})`;
  }

  /** For the details of the execution in the Temporal UI. */
  describe(): string {
    const { topic, partition, firstOffset, lastOffset, images, model, lane } = this.#input;
    return [
      `**${this.#detected} of ${images.length} images detected**, ${this.pending.size} pending, ${this.dead.size} dead`,
      `model \`${model}\`, lane \`${lane}\`, read from \`${topic}/${partition}\` offsets ${firstOffset} to ${lastOffset}`,
      ...(this.dead.size > 0 ? [this.deadSummary()] : []),
      ...(this.held.size > 0 ? [`${this.held.size} wait for the circuit breaker of their source`] : []),
      ...(this.lostDetectors > 0 ? [`${this.lostDetectors} detectors in a row were lost under it`] : []),
    ].join('\n\n');
  }

  #references(images: number[]): Pick<DetectImagesInput, 'model' | 'buckets' | 'images' | 'attempts'> {
    const { model, buckets } = this.#input;
    return {
      model,
      buckets,
      images: images.flatMap((image) => (this.#input.images[image] ? [this.#input.images[image]] : [])),
      attempts: images.map((image) => this.pending.get(image) ?? 0),
    };
  }

  *#imagesOf(bucket: number): Iterable<number> {
    for (const [image, [of]] of this.#input.images.entries()) if (of === bucket) yield image;
  }

  /** One of a run before this one counts as well, whatever it was. */
  #heldForSystem(image: number): boolean {
    const failure = this.#lastFailure.get(image);
    return this.held.has(image) && (failure === undefined || IMAGE_REASONS[failure.reason].systemic);
  }

  #diedOfSystem(image: number): boolean {
    const reason = this.dead.get(image);
    return reason !== undefined && IMAGE_REASONS[reason].systemic;
  }

  /** Images of the bucket that are detected, or dead by a fault of their own. One that came too late says nothing. */
  #working(bucket: number): number {
    let working = 0;
    for (const image of this.#imagesOf(bucket)) {
      const isOver = !this.pending.has(image) && !this.held.has(image);
      if (isOver && !this.#diedOfSystem(image) && this.dead.get(image) !== 'EXPIRED') working += 1;
    }
    return working;
  }

  #name(image: number): string {
    const [bucket = 0, object = '', generation = ''] = this.#input.images[image] ?? [];
    return `gs://${this.#input.buckets[bucket] ?? ''}/${object}#${generation}`;
  }
}
