import type { Capacity, Ceiling } from './capacityFile.js';

export type Part = Capacity['bottleneck'];
/** The parts of the path, in its order. */
export const PARTS = ['download', 'decode', 'model'] as const satisfies readonly Part[];

/** The part with the lowest ceiling. */
export function bottleneckOf(ceilings: Record<Part, Ceiling>): Part {
  return PARTS.reduce((least, part) =>
    ceilings[part].imagesPerSecond.median < ceilings[least].imagesPerSecond.median ? part : least,
  );
}

/**
 * Cores that download and decode as many images a second as the model takes: its ceiling times the CPU time of an image
 * in these two. CPU time and not their ceilings, because the download waits for the network for most of its time.
 */
export function coresPerDevice({ download, decode, model }: Record<Part, Ceiling>): number {
  return (model.imagesPerSecond.median * (download.cpuMsPerImage + decode.cpuMsPerImage)) / 1000;
}

/**
 * Images a second that the parts allow when all three run on the same cores: each image takes the cores for its time in
 * each part.
 */
export function sharedCeiling(ceilings: Record<Part, Ceiling>, cores: number): number {
  const cpuMs = PARTS.reduce((sum, part) => sum + ceilings[part].cpuMsPerImage, 0);
  return cpuMs === 0 ? 0 : (cores * 1000) / cpuMs;
}
