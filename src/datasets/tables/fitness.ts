import { landing } from '../manifest/columns.js';
import { parseColumnType } from '../manifest/columnType.js';
import type { Manifest } from '../manifest/schema.js';
import { isCodec } from './codecs.js';
import { UnfitManifestError } from './errors.js';
import { expressionProblem } from './expressions.js';

/**
 * Why no table can be made of a manifest: names that are taken, expressions that are more than one. What only the server
 * knows, like which functions there are, it says when the table is made.
 */
export function tableProblems({ name, columns, target }: Manifest): string[] {
  const landed = landing(columns);
  const expressions: [string, string | undefined][] = [
    ['target.partitionBy', target.partitionBy],
    ...target.orderBy.map((text, index): [string, string] => [`target.orderBy[${index}]`, text]),
  ];
  return [
    ...(name.includes('__') ? [`name: ${name}: two underscores are kept for the tables that a dataset has`] : []),
    ...(landed.length === 0 ? ['columns: none lands, all are dropped'] : []),
    ...landed.flatMap((column) => [
      ...(column.name.startsWith('_')
        ? [`columns: ${column.name}: names that begin with _ are Penstock's and ClickHouse's own`]
        : []),
      ...(parseColumnType(column.type) === undefined ? [`columns: ${column.name}: unknown type ${column.type}`] : []),
      ...(column.codec === undefined || isCodec(column.codec)
        ? []
        : [`columns: ${column.name}: codec: a list of codecs, like Delta, ZSTD(1)`]),
    ]),
    ...expressions.flatMap(([path, text]) => {
      const problem = text === undefined ? undefined : expressionProblem(text);
      return problem === undefined ? [] : [`${path}: ${text ?? ''} is not one expression: ${problem}`];
    }),
  ];
}

/** Throws UnfitManifestError, so that nothing which was not looked at comes into a statement. */
export function assertFit(manifest: Manifest): void {
  const problems = tableProblems(manifest);
  if (problems.length > 0) throw new UnfitManifestError(problems);
}
