import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readMigrations, statementsOf } from '../../../src/warehouse/migrationFiles.js';

/** A file that failed is applied again from its start. An INSERT only where the table makes a second one harmless. */
const REPEATABLE = /^(CREATE .* IF NOT EXISTS|CREATE OR REPLACE VIEW|ALTER|INSERT INTO model_versions\b)/;

describe('migration files', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'penstock-migrations-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const read = async (files: Record<string, string>) => {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    return readMigrations(pathToFileURL(`${folder}/`));
  };

  test('are read in the order of their numbers, with a checksum that sees every change', async () => {
    const [first, second] = await read({ '0002_b.sql': 'SELECT 2;', '0001_a.sql': 'SELECT 1;', 'notes.md': '' });
    expect([first?.name, second?.name]).toEqual(['0001_a', '0002_b']);
    const [changed] = await read({ '0001_a.sql': 'SELECT 1; ' });
    expect(changed?.checksum).not.toBe(first?.checksum);
  });

  test('must be numbered without a gap and without a double', async () => {
    await expect(read({ '0001_a.sql': '', '0003_c.sql': '' })).rejects.toThrow('0003_c.sql');
    await expect(read({ '0001_b.sql': '' })).rejects.toThrow('0001_b.sql');
  });

  test('hold statements that end with a semicolon at the end of a line; comments are none', () => {
    const text = "-- a;\nCREATE TABLE t\n  -- b;\n(x String DEFAULT ';x');\n\n-- c\nSELECT 1;\n-- end;\n";
    expect(statementsOf(text)).toEqual(["CREATE TABLE t\n\n(x String DEFAULT ';x')", 'SELECT 1']);
  });

  test('of the program are well formed', async () => {
    for (const { statements } of await readMigrations()) {
      expect(statements.length).toBeGreaterThan(0);
      for (const statement of statements) expect(statement).toMatch(REPEATABLE);
    }
  });
});
