import { iou, type Box } from '../../domain/index.js';

/** A box in input pixels before suppression. */
export interface Candidate extends Box {
  classIndex: number;
  score: number;
}

/** Bounds the quadratic part of the suppression, whatever a picture of noise gives. */
const MOST_CANDIDATES = 2000;

/**
 * Non-maximum suppression, class by class: of boxes that overlap more than the threshold the best one stays. Best score
 * first, at most `limit`.
 */
export function suppress(candidates: Candidate[], iouThreshold: number, limit: number): Candidate[] {
  const best = candidates.sort((a, b) => b.score - a.score).slice(0, MOST_CANDIDATES);
  const kept: Candidate[] = [];
  for (const candidate of best) {
    if (kept.length >= limit) break;
    const covered = kept.some((k) => k.classIndex === candidate.classIndex && iou(k, candidate) > iouThreshold);
    if (!covered) kept.push(candidate);
  }
  return kept;
}
