import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { StackError } from './errors.js';
import { packageRoot } from './files.js';

/** A folder whose model.yaml was checked, and the name that the model gives itself. */
export interface NamedModel {
  dir: string;
  name: string;
}

/** Checks all that a detector would, but for the inside of the ONNX file. Throws `StackError` that names each wrong key. */
export async function checkModel(folder: string): Promise<NamedModel> {
  // Loaded here, because it brings the runtime of models along, and most stacks run the one that comes with Penstock.
  const { loadModel, ModelError } = await import('../inference/index.js');
  try {
    const { dir, name } = await loadModel(resolve(folder));
    return { dir, name };
  } catch (error) {
    throw error instanceof ModelError ? new StackError(error.message) : error;
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
