import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const SOURCES = fileURLToPath(new URL('../../src/', import.meta.url));

/** One import, export-from, `import()` or `import('…').Type`. Files are paths below src/, as `stream/kafka.ts`. */
export interface Import {
  from: string;
  /** A file below src/, or the name of a package or Node module as it stands there. */
  to: string;
  isFile: boolean;
  /** Gone after compilation. `import { type X }` is not: its module is still loaded. */
  typeOnly: boolean;
}

export interface Source {
  file: string;
  imports: Import[];
  readsEnvironment: boolean;
}

/** Every TypeScript file of src/. */
export function readSources(): Source[] {
  return readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => parseSource(path.replaceAll(sep, '/'), readFileSync(join(SOURCES, path), 'utf8')));
}

export function parseSource(file: string, text: string): Source {
  const source: Source = { file, imports: [], readsEnvironment: false };
  const add = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    const isFile = specifier.text.startsWith('.');
    const to = isFile
      ? posix.join(posix.dirname(file), specifier.text).replace(/\.js$/, '.ts')
      : packageOf(specifier.text);
    source.imports.push({ from: file, to, isFile, typeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal, true);
    } else if (isEnvironment(node)) {
      source.readsEnvironment = true;
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true));
  return source;
}

/** `process.env`, or `env` taken out of `process`. */
function isEnvironment(node: ts.Node): boolean {
  if (ts.isPropertyAccessExpression(node)) return node.getText() === 'process.env';
  if (!ts.isVariableDeclaration(node) || !ts.isObjectBindingPattern(node.name)) return false;
  return (
    node.initializer?.getText() === 'process' &&
    node.name.elements.some(({ name, propertyName }) => (propertyName ?? name).getText() === 'env')
  );
}

/** `chdb/connection` is `chdb`. */
function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

export function folderOf(file: string): string {
  return file.slice(0, file.indexOf('/'));
}

/** A cycle of a graph as the names along it, or undefined. */
export function findCycle(edges: readonly { from: string; to: string }[]): string[] | undefined {
  const next = new Map<string, Set<string>>();
  for (const { from, to } of edges) next.set(from, (next.get(from) ?? new Set()).add(to));
  const done = new Set<string>();
  const path: string[] = [];
  const walk = (node: string): string[] | undefined => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (done.has(node)) return undefined;
    path.push(node);
    for (const neighbour of next.get(node) ?? []) {
      const cycle = walk(neighbour);
      if (cycle) return cycle;
    }
    path.pop();
    done.add(node);
    return undefined;
  };
  for (const node of next.keys()) {
    const cycle = walk(node);
    if (cycle) return cycle;
  }
  return undefined;
}
