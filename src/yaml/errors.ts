/** One thing that is wrong in the file. */
export interface YamlProblem {
  /** From 1 on. */
  line: number;
  column: number;
  /** Key or value, what is wrong with it, and what would be right. */
  message: string;
}

/** Most problems that are told at once. */
const MOST_PROBLEMS = 20;

/** A YAML file that can't be used. The message has a line `file:line:column: …` for each problem. */
export class YamlError extends Error {
  override name = 'YamlError';
  readonly problems: readonly YamlProblem[];

  constructor(file: string, problems: readonly YamlProblem[]) {
    const sorted = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
    const told = sorted.slice(0, MOST_PROBLEMS);
    const lines = told.map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`);
    if (told.length < sorted.length) lines.push(`${file}: … and ${sorted.length - told.length} more`);
    super(lines.join('\n'));
    this.problems = told;
  }
}

/** The file can't be read at all: it is not there, no file, or this process may not. */
export class YamlFileError extends Error {
  override name = 'YamlFileError';
}
