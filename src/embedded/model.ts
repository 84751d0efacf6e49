import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { messageOf, StackError } from './errors.js';
import { packageRoot } from './files.js';

const namedSchema = z.object({ name: z.string().min(1) });

/** The name that the model in this folder gives itself. The detector checks the rest of its model.yaml. */
export async function modelName(folder: string): Promise<string> {
  const path = join(folder, 'model.yaml');
  try {
    return namedSchema.parse(parse(await readFile(path, 'utf8'))).name;
  } catch (error) {
    throw new StackError(`${path} is not the description of a model: ${messageOf(error)}`);
  }
}

/** The folder of a model: a folder as it is, or the name of one that comes with Penstock. */
export function modelFolder(nameOrFolder: string): string {
  const own = join(packageRoot(), 'models', nameOrFolder);
  for (const folder of [nameOrFolder, own]) if (existsSync(join(folder, 'model.yaml'))) return folder;
  throw new StackError(
    `There is no model ${nameOrFolder}: neither a folder with model.yaml, nor a name under models/ of Penstock.`,
  );
}
