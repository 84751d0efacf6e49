import { iou, type Box } from '../../domain/index.js';

/** A box in input pixels before suppression. */
export interface Candidate extends Box {
  classIndex: number;
  score: number;
}

/**
 * Non-maximum suppression, class by class: of boxes that overlap more than the threshold the best one stays. Best score
 * first, at most `limit`, which also bounds the work.
 */
export function suppress(candidates: Candidate[], iouThreshold: number, limit: number): Candidate[] {
  const kept: Candidate[] = [];
  for (const candidate of candidates.toSorted((a, b) => b.score - a.score)) {
    if (kept.length >= limit) break;
    const covered = kept.some((k) => k.classIndex === candidate.classIndex && iou(k, candidate) > iouThreshold);
    if (!covered) kept.push(candidate);
  }
  return kept;
}
