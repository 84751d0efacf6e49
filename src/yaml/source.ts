import { isMap, isNode, isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml';
import type { z } from 'zod';
import type { YamlProblem } from './errors.js';
import { keysAt } from './keys.js';

type Path = readonly PropertyKey[];
type Position = Pick<YamlProblem, 'line' | 'column'>;

/** A YAML text that knows where its values stand. */
export class YamlSource {
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;

  constructor(text: string) {
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
  }

  /** The plain value; only where there are no problems of syntax. */
  value(): unknown {
    return this.#document.toJS({ maxAliasCount: 0 });
  }

  /** @param needs what a file must have, as the end of a sentence */
  syntaxProblems(needs: string): YamlProblem[] {
    const { errors, warnings, contents } = this.#document;
    const problems = [...errors, ...warnings].map(({ pos, message }) => ({ ...this.#position(pos[0]), message }));
    if (problems.length > 0) return problems;
    if (contents === null || (isScalar(contents) && contents.value === null))
      return [{ line: 1, column: 1, message: `the file is empty; it needs ${needs}` }];
    visit(this.#document, {
      Alias: (_key, { range }) => {
        problems.push({ ...this.#position(range?.[0]), message: 'no aliases here: write it out' });
      },
    });
    return problems;
  }

  /** Where the value of a path stands, or the nearest that there is around it. */
  at(path: Path): Position {
    for (let length = path.length; length >= 0; length -= 1) {
      const node = this.#node(path.slice(0, length));
      if (isNode(node) && node.range) return this.#position(node.range[0]);
    }
    return { line: 1, column: 1 };
  }

  /** What a schema found, with the place, what is there, and what should be. */
  describe(issue: z.core.$ZodIssue, schema: z.ZodType): YamlProblem[] {
    const { path } = issue;
    if (issue.code === 'unrecognized_keys') {
      const known = keysAt(schema, path, this.value());
      return issue.keys.map((key) => ({
        ...this.#atKey(path, key),
        message: `${nameOf([...path, key])}: no such key; there are ${known.join(', ')}`,
      }));
    }
    const node = this.#node(path);
    const found = node === undefined ? 'missing, ' : isScalar(node) ? `${shown(node.value)}, ` : '';
    return [{ ...this.at(path), message: `${nameOf(path)}: ${found}should be ${issue.message}` }];
  }

  #node(path: Path): unknown {
    return path.length === 0 ? this.#document.contents : this.#document.getIn(path, true);
  }

  #atKey(path: Path, key: string): Position {
    const map = this.#node(path);
    const pair = isMap(map)
      ? map.items.find((item) => isScalar(item.key) && String(item.key.value) === key)
      : undefined;
    return isScalar(pair?.key) && pair.key.range ? this.#position(pair.key.range[0]) : this.at(path);
  }

  #position(offset = 0): Position {
    const { line, col } = this.#lines.linePos(offset);
    // An empty text has no line to count.
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

function nameOf(path: Path): string {
  if (path.length === 0) return 'the file';
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .slice(1);
}

const MOST_SHOWN = 80;

function shown(value: unknown): string {
  if (value === null) return 'empty';
  const text = typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
}
