import type { DetectImagesInput, DetectImagesResult, DetectedImage, FailedImage, ImageRef } from '../domain/index.js';
import type { ImageOutcome } from '../inference/index.js';

/** What a heartbeat carries: images that are done, and how those failed that did. */
export interface Checkpoint {
  /** Bit i of byte i/8: image i is detected and its result acknowledged. Base64. */
  detected: string;
  dead: FailedImage[];
  retry: FailedImage[];
}

export function parseCheckpoint(details: unknown): Checkpoint | undefined {
  if (typeof details !== 'object' || details === null) return undefined;
  const { detected, dead, retry } = details as Partial<Checkpoint>;
  if (typeof detected !== 'string' || !Array.isArray(dead) || !Array.isArray(retry)) return undefined;
  return { detected, dead, retry };
}

/** Keeps what became of each image of one activity. */
export class BatchWork {
  readonly #input: DetectImagesInput;
  readonly #detected: Uint8Array;
  readonly #dead: FailedImage[];
  readonly #retry: FailedImage[];
  readonly #open = new Set<number>();
  readonly #released = new Set<number>();
  #detections: DetectedImage | undefined;
  #progressAt = performance.now();
  #wake: () => void = () => undefined;

  constructor(input: DetectImagesInput, checkpoint?: Checkpoint) {
    this.#input = input;
    const bytes = Math.ceil(input.images.length / 8);
    const known = Buffer.from(checkpoint?.detected ?? '', 'base64');
    this.#detected = known.length === bytes ? Uint8Array.from(known) : new Uint8Array(bytes);
    this.#dead = [...(checkpoint?.dead ?? [])];
    this.#retry = [...(checkpoint?.retry ?? [])];
    const failed = new Set([...this.#dead, ...this.#retry].map(({ image }) => image));
    // A caller that wants the boxes needs them from this very run.
    for (const image of input.images.keys()) {
      if (failed.has(image) || (this.#isDetected(image) && !input.withDetections)) continue;
      this.#open.add(image);
    }
  }

  pending(): number[] {
    return [...this.#open];
  }

  reference(image: number): ImageRef {
    const [bucket = 0, object = '', generation = ''] = this.#input.images[image] ?? [];
    return { bucket: this.#input.buckets[bucket] ?? '', object, generation };
  }

  /** The outcome of an image is final, and its result acknowledged where it has one. */
  settle(image: number, outcome: ImageOutcome): void {
    if (!this.#open.delete(image)) return;
    this.#progressAt = performance.now();
    if (outcome.kind === 'detected') {
      this.#detected[image >> 3] = (this.#detected[image >> 3] ?? 0) | (1 << (image & 7));
      if (this.#input.withDetections) this.#detections = outcome.image;
    } else {
      const failure = { image, reason: outcome.reason, detail: outcome.detail };
      (outcome.kind === 'dead' ? this.#dead : this.#retry).push(failure);
    }
    if (this.#open.size === 0) this.#wake();
  }

  /** The image is handed back: its outcome could not be published. */
  release(image: number): void {
    if (!this.#open.delete(image)) return;
    this.#released.add(image);
    if (this.#open.size === 0) this.#wake();
  }

  /**
   * Resolves when no image is open, when nothing was settled for `stallMs`, or for `starvedMs` while the pacer has let
   * nothing run for so long, after `limitMs`, or when cancelled.
   */
  async finished(bounds: {
    stallMs: number;
    /** How long the pacer has let nothing run though images wait; 0 while it does, or none waits. */
    starved: () => number;
    starvedMs: number;
    limitMs: number;
    cancelled: Promise<void>;
  }): Promise<void> {
    if (this.#open.size === 0) return;
    const startedAt = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const done = new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setInterval(() => {
        const now = performance.now();
        const idleMs = now - this.#progressAt;
        const isStarved = idleMs > bounds.starvedMs && bounds.starved() > bounds.starvedMs;
        if (idleMs > bounds.stallMs || isStarved || now - startedAt > bounds.limitMs) resolve();
      }, 500);
    });
    try {
      await Promise.race([done, bounds.cancelled]);
    } finally {
      clearInterval(timer);
    }
  }

  checkpoint(): Checkpoint {
    return { detected: Buffer.from(this.#detected).toString('base64'), dead: this.#dead, retry: this.#retry };
  }

  result(withDetections: boolean): DetectImagesResult {
    let detected = 0;
    for (const image of this.#input.images.keys()) if (this.#isDetected(image)) detected += 1;
    return {
      detected,
      dead: this.#dead,
      retry: this.#retry,
      untried: [...this.#open, ...this.#released].filter((image) => !this.#isDetected(image)),
      ...(withDetections && this.#detections ? { detections: this.#detections } : {}),
    };
  }

  #isDetected(image: number): boolean {
    return ((this.#detected[image >> 3] ?? 0) & (1 << (image & 7))) !== 0;
  }
}
