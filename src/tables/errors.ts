/** Most problems that are told at once. */
const MOST_PROBLEMS = 20;

/** A file of tables that can't be used. The message has a line `file: field: …` for each problem. */
export class TablesError extends Error {
  override name = 'TablesError';
  /** Field, what is there, and what should be. */
  readonly problems: readonly string[];

  constructor(file: string, problems: readonly string[]) {
    const told = problems.slice(0, MOST_PROBLEMS);
    const lines = told.map((problem) => `${file}: ${problem}`);
    if (told.length < problems.length) lines.push(`${file}: … and ${problems.length - told.length} more`);
    super(lines.join('\n'));
    this.problems = told;
  }
}

/** The file can't be read at all: it is not there, no file, or this process may not. */
export class TablesFileError extends Error {
  override name = 'TablesFileError';
}
