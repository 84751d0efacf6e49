import type { Tables } from './model.js';
import type { Size } from './plan.js';
import type { ChaosResult } from './run.js';

/** A run as Markdown: what was sent and broken, what came of it, and the memory of each role over time. */
export function reportOf(seed: string, { seconds, images }: Size, result: ChaosResult): string {
  const { expected, found, deliveries, made, memory } = result;
  const roles = Object.keys(memory[0]?.mb ?? {});
  const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  const rule = (cells: readonly unknown[]): string => row(cells.map(() => '---'));
  const names = ['images', 'uploads', 'detections', 'hourly', 'classes'] as const;
  const counts = new Map<string, number>();
  for (const { fault } of made) {
    const kind = fault.startsWith('kill') ? fault : fault.replaceAll(/\d+/g, 'n');
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
    [row(head), rule(head), ...rows.map(row)].join('\n');
  return [
    '# Soak',
    '',
    `Made by \`npm run soak -- --minutes ${Math.round(seconds / 60)}\` with the seed ${seed}.`,
    '',
    `${images} images, ${deliveries} deliveries in ${seconds} s; the tables were complete after ${result.seconds.toFixed(0)} s,`,
    `${(images / result.seconds).toFixed(1)} images/s with ${made.length} faults on the way.`,
    '',
    table(
      ['table', 'rows that the inputs give', 'lost', 'twice or wrong'],
      names.map((name) => [
        name,
        expected[name].length,
        missing(expected, found, name),
        missing(found, expected, name),
      ]),
    ),
    '',
    table(['fault', 'times'], [...counts].sort()),
    '',
    'Resident memory of each role and its children, MB:',
    '',
    table(
      ['second', ...roles],
      memory.map(({ atS, mb }) => [atS, ...roles.map((role) => mb[role] ?? 0)]),
    ),
    '',
  ].join('\n');
}

/** Lines of one that the other has not, each as often as it is missing. */
function missing(from: Tables, inTables: Tables, name: keyof Tables): number {
  const left = new Map<string, number>();
  for (const line of inTables[name]) left.set(line, (left.get(line) ?? 0) + 1);
  return from[name].filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  }).length;
}
