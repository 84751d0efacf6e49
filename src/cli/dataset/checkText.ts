import { createTable } from '../table.js';
import type { CheckedFile, CheckReport } from './checkManifests.js';

/** What a check found, for a person: the datasets, then each problem and warning in a line that editors follow. */
export function checkText({ files }: CheckReport): string {
  const found = files.flatMap(linesOf);
  const wrong = files.filter(({ problems }) => problems.length > 0).length;
  const refused = wrong === 0 ? [] : [`${wrong} of ${files.length} can not be used.`];
  return [...tableOf(files), ...found, ...refused].join('\n');
}

function tableOf(files: readonly CheckedFile[]): string[] {
  const table = createTable(['dataset', 'source', 'format', 'columns', 'mode', 'key', 'file']);
  const usable = files.flatMap(({ file, name, problems, dataset }) =>
    dataset === null || problems.length > 0 ? [] : [{ file, name: name ?? '', ...dataset }],
  );
  for (const { file, name, source, format, columns, mode, key } of usable)
    table.push([name, source, format, String(columns), mode, key.join(', '), file]);
  return usable.length === 0 ? [] : [table.toString()];
}

function linesOf({ file, problems, isCut, warnings }: CheckedFile): string[] {
  return [
    ...problems.map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`),
    ...(isCut ? [`${file}: … and more`] : []),
    ...warnings.map(({ line, column, message }) => `${file}:${line}:${column}: warning: ${message}`),
  ];
}
