import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CapacityFileError, readCapacityFile, writeCapacityFile } from '../../../src/calibration/capacityFile.js';
import { temporaryFolder } from '../inference/rig.js';
import { capacity } from './rig.js';

/** Writes a text as a capacity file and reads it back as one. */
async function read(text: string): Promise<unknown> {
  const path = join(await temporaryFolder(), 'capacity.json');
  await writeFile(path, text);
  return readCapacityFile(path).catch((error: unknown) => error);
}

describe('a capacity file', () => {
  it('is read as it was written, and leaves nothing beside it', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'capacity.json');
    await writeCapacityFile(path, capacity());
    expect(await readCapacityFile(path)).toEqual(capacity());
    expect(await readdir(folder)).toEqual(['capacity.json']);
  });

  it('that can not be written says where, and leaves nothing behind', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'capacity.json'));
    await expect(writeCapacityFile(join(folder, 'capacity.json'), capacity())).rejects.toThrow(
      /capacity\.json: can't be written: /,
    );
    expect(await readdir(folder)).toEqual(['capacity.json']);
  });

  it('may have more than this version knows of', async () => {
    expect(await read(JSON.stringify({ ...capacity(), addedLater: { deep: [1] } }))).toEqual(capacity());
  });

  it('names the file and every key that is wrong', async () => {
    const knee = { ...capacity().knee, batch: 0, slots: undefined };
    const error = await read(JSON.stringify({ ...capacity(), v: 2, model: 'shapes', knee }));
    expect(error).toBeInstanceOf(CapacityFileError);
    const lines = (error as Error).message.split('\n');
    expect(lines.map((line) => line.replace(/^.*capacity\.json: ([^:]*): .*$/, '$1'))).toEqual([
      'v',
      'model',
      'knee.batch',
      'knee.slots',
    ]);
    expect(lines[1]).toContain('name@hash of a model');
  });

  it.each([
    ['{', 'no JSON'],
    ['[]', 'the file: Invalid input'],
    [' '.repeat(1_000_001), '1000001 bytes, and a capacity file has at most 1000000'],
  ])('is refused where it is none', async (text, why) => {
    expect(String(await read(text))).toContain(why);
  });

  it('that is not there, or no file, says so and what writes it', async () => {
    const folder = await temporaryFolder();
    for (const [path, why] of [
      [join(folder, 'none.json'), 'ENOENT'],
      [folder, 'no regular file'],
    ] as const)
      await expect(readCapacityFile(path)).rejects.toThrow(new RegExp(`${why}.*penstock calibrate writes it`));
  });
});
