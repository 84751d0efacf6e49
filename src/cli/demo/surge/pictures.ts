import { scene } from '../../../scenes/index.js';
import { forEachBounded } from '../bounded.js';
import type { Picture } from '../pictures.js';

/** Scenes that are drawn; what makes images different is their object, not their content. */
const SCENES = 200;
const SIZE = { width: 320, height: 240 };
const DRAWN_AT_ONCE = 2;

/** So many pictures, of a few hundred scenes that are drawn once and kept: 20 KB each. */
export async function surgePictures(count: number, signal: AbortSignal): Promise<Picture[]> {
  const scenes: Buffer[] = [];
  const seeds = Array.from({ length: Math.min(count, SCENES) }, (_, index) => `surge-${index}`);
  await forEachBounded(seeds, DRAWN_AT_ONCE, signal, async (seed, index) => {
    scenes[index] = (await scene(seed, SIZE)).jpeg;
  });
  return Array.from({ length: count }, (_, index) => ({
    name: `surge-${String(index + 1).padStart(6, '0')}.jpg`,
    contentType: 'image/jpeg',
    kind: 'picture',
    load: () => Promise.resolve({ bytes: scenes[index % scenes.length] ?? Buffer.alloc(0) }),
  }));
}
