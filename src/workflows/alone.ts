import type { DetectImagesInput, DetectImagesResult } from '../domain/index.js';
import type { BatchState } from './batchState.js';
import { detectorLost } from './detector.js';

/** How many images of a batch are alone in an activity at the same time. */
const AT_ONCE = 8;

/** One activity of a detector. */
export type Detect = (input: DetectImagesInput) => Promise<DetectImagesResult>;

/** What a round came to: whether any image is done, and whether a detector was lost under one that was alone. */
export interface Round {
  progressed: boolean;
  lost: boolean;
}

/**
 * Runs the images of a batch under which detectors were lost, each in an activity of its own. Several run side by side
 * first: those that are on a lost detector are suspects, which costs them nothing. Suspects run one after the other, so
 * that a lost detector is an attempt of the only one that can be at fault. Few images are suspects at once.
 */
export async function runAlone(detect: Detect, state: BatchState, suspects: Set<number>): Promise<Round> {
  const fresh = state.pendingTogether().filter((image) => !suspects.has(image));
  let progressed = false;
  if (fresh.length > AT_ONCE) progressed = await sideBySide(detect, state, fresh, suspects);
  else for (const image of fresh) suspects.add(image);
  const round = await oneByOne(detect, state, [...suspects]);
  return { progressed: progressed || round.progressed, lost: round.lost };
}

/** One image after the other; a lost detector is an attempt of the image that was on it. */
export async function oneByOne(detect: Detect, state: BatchState, images: readonly number[]): Promise<Round> {
  const round = { progressed: false, lost: false };
  for (const image of images.filter((one) => state.pending.has(one))) {
    const result = await detect(state.activityInput([image])).catch((error: unknown) => {
      round.lost = true;
      return detectorLost(error);
    });
    if (state.merge([image], result)) round.progressed = true;
  }
  return round;
}

async function sideBySide(
  detect: Detect,
  state: BatchState,
  images: readonly number[],
  suspects: Set<number>,
): Promise<boolean> {
  const next = images.values();
  let progressed = false;
  const lane = async (): Promise<void> => {
    // All lanes draw from the same iterator.
    for (const image of next) {
      const result = await detect(state.activityInput([image])).catch((error: unknown) => {
        detectorLost(error);
        suspects.add(image);
        return UNTRIED;
      });
      if (state.merge([image], result)) progressed = true;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return progressed;
}

const UNTRIED: DetectImagesResult = { detected: 0, dead: [], untried: [0], retry: [] };
