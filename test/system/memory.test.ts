import { describe, expect, it } from 'vitest';
import { scene } from '../../src/scenes/index.js';
import { endpointsNow, eventually, imageCounts, uploadAll } from './pipeline.js';
import { residentMb } from './roleProcess.js';

const IMAGES = 10_000;
const FIRST = 1_000;
const MAY_GROW_MB = 64;
const ROLES = ['intake', 'dispatcher', 'detector', 'orchestrator', 'sink'];
const pictures = await Promise.all(Array.from({ length: 16 }, async (_, seed) => (await scene(seed)).jpeg));

async function residentByRole(): Promise<Record<string, number>> {
  const { pids } = await endpointsNow();
  const entries = await Promise.all(ROLES.map(async (role) => [role, await residentMb(pids[role] ?? 0)] as const));
  return Object.fromEntries(entries);
}

describe('10,000 images in one run', () => {
  it.runIf(process.platform === 'linux')(
    `are all stored, and every role stays within ${MAY_GROW_MB} MB of its level after the first 1,000 (needs /proc)`,
    { timeout: 1_200_000 },
    async () => {
      const uploads = uploadAll(
        Array.from({ length: IMAGES }, (_, index) => ({
          name: `memory/${index}.jpg`,
          bytes: pictures[index % pictures.length] ?? Buffer.alloc(0),
        })),
        { width: 16 },
      );
      await eventually(
        () => imageCounts('memory/'),
        ({ rows }) => rows >= FIRST,
        300_000,
      );
      const level = await residentByRole();
      const most = { ...level };
      await eventually(
        async () => {
          for (const [role, mb] of Object.entries(await residentByRole())) most[role] = Math.max(most[role] ?? 0, mb);
          return imageCounts('memory/');
        },
        ({ rows }) => rows >= IMAGES,
        900_000,
      );
      await uploads;
      expect(await imageCounts('memory/')).toEqual({ rows: IMAGES, keys: IMAGES, detected: IMAGES, dead: 0 });
      const growth = ROLES.map((role) => [role, Math.round((most[role] ?? 0) - (level[role] ?? 0))]);
      expect(
        growth.filter(([, mb]) => Number(mb) > MAY_GROW_MB),
        JSON.stringify({ growth, level, most }),
      ).toEqual([]);
    },
  );
});
