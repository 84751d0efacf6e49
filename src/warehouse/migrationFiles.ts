import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';

/** One numbered file of src/warehouse/migrations. */
export interface Migration {
  version: number;
  /** File name without `.sql`. */
  name: string;
  /** Hex SHA-256 of the file's text. */
  checksum: string;
  statements: string[];
}

/** The same folder for src/ and dist/: the package root is two levels up from either. */
const MIGRATIONS = new URL('../../src/warehouse/migrations/', import.meta.url);

/** Reads all migrations in order; throws when two have one number or one is missing between. */
export async function readMigrations(folder: URL = MIGRATIONS): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort();
  return Promise.all(
    files.map(async (file, index) => {
      const version = Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(file)?.[1]);
      if (version !== index + 1)
        throw new Error(`migration ${file}: expected ${String(index + 1).padStart(4, '0')}_name.sql, without a gap`);
      const text = await readFile(new URL(file, folder), 'utf8');
      return {
        version,
        name: file.slice(0, -'.sql'.length),
        checksum: createHash('sha256').update(text).digest('hex'),
        statements: statementsOf(text),
      };
    }),
  );
}

/** Statements end with a `;` at the end of a line; lines that begin with `--` are comments. */
export function statementsOf(text: string): string[] {
  return text
    .replaceAll(/^\s*--.*$/gm, '')
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}
