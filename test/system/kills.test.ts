import { describe, expect, it } from 'vitest';
import { scene } from '../../src/scenes/index.js';
import { expectCountedOnce } from './countedOnce.js';
import { eventually, imageCounts, uploadAll } from './pipeline.js';
import { killProcess } from './restartRole.js';

const ROLES = ['intake', 'dispatcher', 'detector', 'orchestrator', 'sink'];
const SERVERS = ['kafka', 'temporal', 'gcs', 'clickhouse'];
const pictures = await Promise.all(Array.from({ length: 16 }, async (_, seed) => (await scene(seed)).jpeg));

describe('in the middle of a stream of images, 20 % of the events twice', () => {
  it.each([
    { cast: 'role', names: ROLES, images: 2_000 },
    { cast: 'server', names: SERVERS, images: 1_000 },
  ])(
    'kill -9 of each $cast in turn loses none of $images, and each counts once in images, detections and rollups',
    { timeout: 600_000 },
    async ({ cast, names, images }) => {
      const prefix = `kills-${cast}/`;
      const uploads = uploadAll(
        Array.from({ length: images }, (_, index) => ({
          name: `${prefix}${index}.jpg`,
          bytes: pictures[index % pictures.length] ?? Buffer.alloc(0),
        })),
        { twice: (index) => index % 5 === 0 },
      );
      const killed: string[] = [];
      for (const [index, name] of names.entries()) {
        await eventually(
          () => imageCounts(prefix),
          ({ rows }) => rows >= (images / 12) * (index + 1),
          180_000,
        );
        await killProcess(name);
        killed.push(name);
      }
      expect(killed).toEqual(names);
      await uploads;
      await expectCountedOnce(prefix, images, 300_000);
    },
  );
});
