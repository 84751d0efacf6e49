import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { scene, type SceneObject } from '../../scenes/index.js';
import { Gate } from '../../service/index.js';
import { UsageError } from '../verb.js';

/** A picture that the demo sends. */
export interface Picture {
  /** Name of its object, below the folder of the run. */
  name: string;
  contentType: string;
  /** `broken`: in on purpose. `gone`: broken too, its object is deleted before the event is posted. */
  kind: 'picture' | 'broken' | 'gone';
  /** What it is, for a person; for broken ones only. */
  story?: string;
  /** Loads it, the same every time: what is needed again for the report is not kept in memory. */
  load(): Promise<LoadedPicture>;
}

export interface LoadedPicture {
  bytes: Buffer;
  /** What is to be found in it, where that is known. */
  truth?: readonly SceneObject[];
}

/** Generated scenes: the same ones for the same count, in sizes that vary. */
export function scenePictures(count: number): Picture[] {
  const gate = new Gate(SCENES_AT_ONCE);
  return Array.from({ length: count }, (_, index) => ({
    name: `scene-${String(index + 1).padStart(6, '0')}.jpg`,
    contentType: 'image/jpeg',
    kind: 'picture',
    load: () =>
      gate.run(async () => {
        const { jpeg, objects } = await scene(`demo-${index}`);
        return { bytes: jpeg, truth: objects };
      }),
  }));
}

/** Drawing takes a core each; the rest of the machine is for the stack. */
const SCENES_AT_ONCE = 2;

const CONTENT_TYPES: Record<string, string> = {
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.png': 'image/png',
  '.webp': 'image/webp',
};

/** The pictures of a folder, in the order of their names; from the start again when `count` is more than there are. */
export async function folderPictures(folder: string, count?: number): Promise<Picture[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw new UsageError(`${folder} can not be read: ${error instanceof Error ? error.message : String(error)}`);
  });
  const files = names.filter((name) => CONTENT_TYPES[extname(name).toLowerCase()] !== undefined).sort();
  if (files.length === 0) throw new UsageError(`There is no picture (jpg, jpeg, png, webp) in ${folder}.`);
  return Array.from({ length: count ?? files.length }, (_, index) => {
    const file = files[index % files.length] ?? '';
    const round = Math.floor(index / files.length);
    return {
      name: round === 0 ? file : `${round + 1}/${file}`,
      contentType: CONTENT_TYPES[extname(file).toLowerCase()] ?? 'application/octet-stream',
      kind: 'picture',
      load: async () => ({ bytes: await readFile(join(folder, file)) }),
    };
  });
}

/** What goes wrong with real uploads, one of each. */
export function brokenPictures(): Picture[] {
  const whole = async (): Promise<Buffer> => (await scene('demo-broken', { width: 480, height: 360 })).jpeg;
  const broken = (name: string, story: string, bytes: () => Buffer | Promise<Buffer>): Picture => ({
    name: `broken/${name}`,
    contentType: 'image/jpeg',
    kind: 'broken',
    story,
    load: async () => ({ bytes: await bytes() }),
  });
  return [
    broken('empty.jpg', 'an upload that was never written: no bytes at all', () => Buffer.alloc(0)),
    broken('notes.jpg', 'a text file with the name of a picture', () => Buffer.from('Remember the milk.\n'.repeat(40))),
    broken('cut.jpg', 'a JPEG whose second half is missing', async () => {
      const jpeg = await whole();
      return jpeg.subarray(0, Math.floor(jpeg.length / 2));
    }),
    broken('drawing.jpg', 'an SVG drawing with the name of a JPEG', () => Buffer.from(DRAWING)),
    { ...broken('deleted.jpg', 'deleted before the detector read it', whole), kind: 'gone' },
  ];
}

const DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><circle cx="32" cy="32" r="24"/></svg>';
