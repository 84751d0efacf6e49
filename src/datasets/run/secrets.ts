import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatasetError } from './dependencies.js';

const NAME = /^[A-Z][A-Z0-9_]{0,126}$/;
const MOST_CHARACTERS = 65_536;

/**
 * Secrets by their names: files of a folder, read each time, so that a rotated one counts at once. A line feed at the end
 * is none of it. Throws DatasetError where there is none; no message holds a value.
 */
export function readSecrets(folder: string | undefined): (name: string) => string {
  return (name) => {
    if (!NAME.test(name)) throw new DatasetError(`'${name}' is no name of a secret`);
    if (folder === undefined) throw new DatasetError(`there is no secret ${name}: PENSTOCK_SECRETS_DIR is not set`);
    const value = read(join(folder, name), name).replace(/\r?\n$/, '');
    if (value === '' || value.length > MOST_CHARACTERS)
      throw new DatasetError(`the secret ${name} is empty, or has more than ${MOST_CHARACTERS} characters`);
    return value;
  };
}

function read(path: string, name: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'it can not be read';
    throw new DatasetError(`there is no secret ${name} in PENSTOCK_SECRETS_DIR (${why})`);
  }
}
