import type { RouteRule } from '../../routing/index.js';
import { createTable } from '../table.js';
import type { CheckReport, TestReport } from './check.js';

/** What a check found, for a person. */
export function checkText({ ok, file, problems, warnings, routes }: CheckReport): string {
  if (!ok) {
    const lines = problems.map(({ line, column, message }) => `  ${file}:${line}:${column}: ${message}`);
    return ['This file can not be used:', ...lines].join('\n');
  }
  const table = createTable(['line', 'bucket', 'prefix', 'model', 'lane', 'deadline']);
  for (const { line, bucket, prefix, ...rule } of routes)
    table.push([String(line), bucket, prefix, ...targetCells(rule)]);
  return [table.toString(), ...warnings.map(({ line, message }) => `warning: ${file}:${line}: ${message}`)].join('\n');
}

/** Which route an object takes, for a person. */
export function testText({ bucket, object, file, route, routed, why }: TestReport): string {
  const name = `gs://${bucket}/${object}`;
  if (!routed || route === null || route.ignore) return `${name} goes nowhere (${file}): ${why}.`;
  const [model, lane, deadline] = targetCells(route);
  const until = deadline === '' ? '' : `, ${deadline} after its upload at the latest`;
  return `${name} goes to the model ${model} by the lane ${lane}${until} (${file}): ${why}.`;
}

type Target =
  { ignore: true } | Pick<Extract<RouteRule, { ignore: false }>, 'ignore' | 'model' | 'pin' | 'lane' | 'deadlineMs'>;

function targetCells(target: Target): [model: string, lane: string, deadline: string] {
  if (target.ignore) return ['ignored', '', ''];
  const { model, pin, lane, deadlineMs } = target;
  return [pin === undefined ? model : `${model}@${pin}`, lane, deadlineMs === undefined ? '' : duration(deadlineMs)];
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
] as const;

function duration(ms: number): string {
  for (const [unit, size] of UNITS) if (ms % size === 0) return `${ms / size} ${unit}`;
  return `${ms / 1000} s`;
}
