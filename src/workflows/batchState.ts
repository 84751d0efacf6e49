import type {
  BatchProgress,
  BatchResult,
  DetectBatchInput,
  DetectImagesInput,
  DetectImagesResult,
  FailedImage,
  RecordDeadInput,
} from '../domain/index.js';
import { IMAGE_REASONS, isImageReason, type ImageReason } from '../domain/reasons.js';

/** The state of each image of a batch. Plain and deterministic: it lives inside a workflow. */
export class BatchState {
  readonly #input: DetectBatchInput;
  /** Index of a pending image to the inferences begun for it. */
  readonly pending: Map<number, number>;
  readonly dead: Map<number, ImageReason>;
  readonly #lastFailure = new Map<number, FailedImage>();
  #detected: number;

  constructor(input: DetectBatchInput) {
    this.#input = input;
    const { progress } = input;
    this.pending = new Map(progress?.pending ?? input.images.map((_, image) => [image, 0]));
    this.dead = new Map(
      (progress?.dead ?? []).flatMap(([image, reason]) => (isImageReason(reason) ? [[image, reason]] : [])),
    );
    this.#detected = progress?.detected ?? 0;
  }

  pendingTogether(): number[] {
    return [...this.pending.keys()];
  }

  pendingAlone(): number[][] {
    return [...this.pending.keys()].map((image) => [image]);
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
  takeExhausted(): { image: number; attempts: number; failure: FailedImage }[] {
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

  recordDeadInput(exhausted: { image: number; attempts: number; failure: FailedImage }[]): RecordDeadInput {
    return {
      ...this.#references(exhausted.map(({ image }) => image)),
      attempts: exhausted.map(({ attempts }) => attempts),
      dead: exhausted.map(({ failure }, index) => ({ ...failure, image: index })),
    };
  }

  progress(): BatchProgress {
    return { detected: this.#detected, pending: [...this.pending], dead: [...this.dead] };
  }

  result(): BatchResult {
    const dead: Record<string, number> = {};
    for (const reason of this.dead.values()) dead[reason] = (dead[reason] ?? 0) + 1;
    return { images: this.#input.images.length, detected: this.#detected, dead };
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

  #name(image: number): string {
    const [bucket = 0, object = '', generation = ''] = this.#input.images[image] ?? [];
    return `gs://${this.#input.buckets[bucket] ?? ''}/${object}#${generation}`;
  }
}
