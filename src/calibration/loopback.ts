import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ImageRef } from '../domain/index.js';
import { crc32cOf } from '../storage/index.js';
import type { LoopbackData } from './loopbackThread.js';

/** A storage API on this machine that has the pictures and nothing else. */
export interface Loopback {
  /** http://host:port */
  endpoint: string;
  images: ImageRef[];
  close: () => Promise<void>;
}

const BUCKET = 'calibration';
const GENERATION = '1';

export async function startLoopback(pictures: readonly Buffer[]): Promise<Loopback> {
  const objects = new Map(pictures.map((bytes, index) => [String(index), { bytes, crc32c: crc32cOf(bytes) }]));
  const workerData: LoopbackData = { objects, generation: GENERATION };
  const thread = new Worker(new URL('./loopbackThread.js', import.meta.url), { workerData });
  const [port] = (await once(thread, 'message')) as [number];
  return {
    endpoint: `http://127.0.0.1:${port}`,
    images: [...objects.keys()].map((object) => ({ bucket: BUCKET, object, generation: GENERATION })),
    close: async () => {
      await thread.terminate();
    },
  };
}
