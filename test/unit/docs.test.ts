import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { program } from '../../src/cli/program.js';
import { environmentSchema, STACK_VARIABLES } from '../../src/config/index.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DOCUMENTS = ['.', 'docs', 'docs/runbooks', 'models/shapes'].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => normalize(join(folder, name))),
);
/** Made by the build and by runs: not in a checkout. */
const GENERATED = ['node_modules', 'dist', 'demo-report', 'test-results'];

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const withoutFences = (text: string): string => text.replaceAll(/^ *```[^]*?^ *```$/gm, '');
/** Inline code and the lines of fenced blocks: where commands and paths are written. */
const codeOf = (text: string): string[] => [
  ...[...text.matchAll(/^ *```[^\n]*\n([^]*?)^ *```$/gm)].flatMap(([, block = '']) => block.split('\n')),
  ...[...withoutFences(text).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code),
];

/** Path of a source file for a built one. */
const sourceOf = (path: string): string => path.replace(/^dist\/(.*)\.js$/, 'src/$1.ts');

/** What a document names as a path of the repository: whole words that begin with one of its folders. */
function pathsOf(text: string): string[] {
  const folders = readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !GENERATED.includes(entry.name))
    .map(({ name }) => name);
  return codeOf(text)
    .flatMap((code) => code.split(/[\s,;()'"]+/))
    .map((word) => sourceOf(word.replace(/^\.\//, '')))
    .filter((word) => folders.some((folder) => word.startsWith(`${folder}/`)))
    .filter((word) => !/[<>*…$|#]/.test(word) && !/:\d/.test(word));
}

/** What a document calls of the program: `penstock up --json`, and `npm run demo -- --json`. */
function callsOf(text: string): { verb: string; words: string[]; options: string[] }[] {
  return codeOf(text)
    .flatMap((code) => [
      ...code.matchAll(/(?:\bpenstock(?= )|dist\/cli\/main\.js|\bnpm run (?=demo\b)) *([a-z][a-z-]*)([^#|&]*)/g),
    ])
    .map(([, verb = '', rest = '']) => ({
      verb,
      words: rest.split(' ').filter((word) => word !== ''),
      options: [...rest.matchAll(/ (--[a-z][a-z-]*)/g)].map(([, option = '']) => option),
    }));
}

const slug = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
const anchorsOf = (path: string): string[] =>
  [...withoutFences(read(path)).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => slug(heading));

describe.each(DOCUMENTS)('%s', (document) => {
  const text = read(document);

  it('links to files and headings that exist', () => {
    const broken = [...withoutFences(text).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [path = '', anchor] = target.split('#');
        const file = path === '' ? document : normalize(join(dirname(document), path));
        return !existsSync(join(ROOT, file)) || (anchor !== undefined && !anchorsOf(file).includes(anchor));
      });
    expect(broken).toEqual([]);
  });

  it('names files and folders that exist', () => {
    expect(pathsOf(text).filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('names variables that the program knows', () => {
    const known = [...Object.keys(environmentSchema.shape), ...STACK_VARIABLES];
    const unknown = [...text.matchAll(/PENSTOCK_[A-Z0-9_]*/g)]
      .map(([name]) => name)
      .filter((name) => !(name.endsWith('_') ? known.some((one) => one.startsWith(name)) : known.includes(name)));
    expect(unknown).toEqual([]);
  });

  it('names verbs and options that the program has', () => {
    const verbs = new Map(program().commands.map((command) => [command.name(), command]));
    const wrong = callsOf(text).flatMap(({ verb, words, options }) => {
      const group = verbs.get(verb);
      // `model check`: a verb of verbs, where it is not named alone.
      const command =
        group?.commands.length && words[0] ? group.commands.find((one) => one.name() === words[0]) : group;
      if (command === undefined) return [[verb, ...words].join(' ')];
      const known = ['--help', ...command.options.map(({ long }) => long ?? '')];
      return options.filter((option) => !known.includes(option)).map((option) => `${verb} ${option}`);
    });
    expect(wrong).toEqual([]);
  });

  it('names npm scripts that exist', () => {
    const { scripts = {} } = JSON.parse(read('package.json')) as { scripts?: Record<string, string> };
    const missing = [...text.matchAll(/\bnpm (?:run ([a-z:]+)|(test)\b)/g)]
      .map(([, run, test]) => run ?? test ?? '')
      .filter((name) => !Object.hasOwn(scripts, name));
    expect([...new Set(missing)]).toEqual([]);
  });
});

describe('the table of promises', () => {
  const [, table = ''] = read('ARCHITECTURE.md').split('<!-- promises -->');
  const rows = [...table.matchAll(/^\| (.+?) +\| `([^`]+)` +\| (.+?) +\|$/gm)].map(
    ([, promise = '', file = '', name = '']) => ({ promise, file: `test/${file}`, name }),
  );

  it('lists more than forty promises', () => {
    expect(rows.length).toBeGreaterThan(40);
  });

  it('is checked: every test of the table of promises exists', () => {
    const quoted = (name: string): string[] => ["'", '"', '`'].flatMap((mark) => [`${mark}${name}${mark},`]);
    const missing = rows.filter(
      ({ file, name }) => !existsSync(join(ROOT, file)) || !quoted(name).some((one) => read(file).includes(one)),
    );
    expect(missing).toEqual([]);
  });
});
