import { iou, type Detection } from '../domain/index.js';
import type { SceneObject } from './scene.js';

/** precision = truePositives / (truePositives + falsePositives), recall = truePositives / (truePositives + missed) */
export interface Score {
  truePositives: number;
  falsePositives: number;
  missed: number;
}

/** Holds what was found in one picture against what is in it: best score first, each object is found once. */
export function score(found: readonly Detection[], truth: readonly SceneObject[], minimumIou = 0.5): Score {
  const open = new Set(truth);
  let truePositives = 0;
  for (const detection of found.toSorted((a, b) => b.score - a.score)) {
    const candidates = [...open].filter((object) => object.class === detection.class);
    const best = candidates.sort((a, b) => iou(b, detection) - iou(a, detection))[0];
    if (!best || iou(best, detection) < minimumIou) continue;
    open.delete(best);
    truePositives++;
  }
  return { truePositives, falsePositives: found.length - truePositives, missed: open.size };
}
