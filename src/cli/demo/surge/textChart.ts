import { number } from './plan.js';
import { meansOf, type SurgeSecond } from './series.js';

const EIGHTHS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

/** One character for each value, from 0 to `max` (default: the largest); a space where there is none. */
export function sparkline(values: readonly (number | null)[], max = largest(values)): string {
  return values
    .map((value) => {
      if (value === null) return ' ';
      const eighth = max === 0 ? 0 : Math.round((Math.max(0, value) / max) * (EIGHTHS.length - 1));
      return EIGHTHS[Math.min(EIGHTHS.length - 1, eighth)] ?? ' ';
    })
    .join('');
}

/** Bars of `height` lines, the top one first. */
export function bars(values: readonly (number | null)[], height: number, max = largest(values)): string[] {
  return Array.from({ length: height }, (_, line) => {
    const below = height - 1 - line;
    return values
      .map((value) => {
        const eighths = value === null || max === 0 ? 0 : Math.round((Math.max(0, value) / max) * height * 8);
        const here = Math.min(8, eighths - below * 8);
        // What is there but too small to be seen still shows.
        if (here <= 0) return below === 0 && value !== null && value > 0 ? EIGHTHS[0] : ' ';
        return EIGHTHS[here - 1] ?? ' ';
      })
      .join('')
      .trimEnd();
  });
}

const WIDTH = 60;
const HEIGHT = 3;
const LABELS = 19;

/** Arrivals, detections, backlog and wait over time, for a terminal of 80 columns. */
export function surgeTextChart(series: readonly SurgeSecond[], cap: number): string {
  if (series.length === 0) return '';
  const rows: [name: string, unit: string, values: (number | null)[], max?: number][] = [
    ['arrivals', '/s', series.map(({ arrivals }) => arrivals)],
    ['detections', '/s', series.map(({ detections }) => detections), cap * 1.25],
    ['backlog', '', series.map(({ backlog }) => backlog)],
    ['wait p50', ' s', series.map(({ waitMs }) => (waitMs === null ? null : waitMs.p50 / 1000))],
  ];
  const lines = rows.flatMap(([name, unit, values, max]) => {
    const drawn = meansOf(values, WIDTH);
    const top = max ?? largest(drawn);
    const labels = [`${name.padEnd(11)}${`${number(top)}${unit}`.padStart(LABELS - 12)}`, '', '0'];
    return bars(drawn, HEIGHT, top).map((bar, line) => `${(labels[line] ?? '').padStart(LABELS - 1)} │${bar}`);
  });
  const width = meansOf(
    series.map(({ second }) => second),
    WIDTH,
  ).length;
  const end = `${series.length} s`;
  return [...lines, `${' '.repeat(LABELS)}└${'─'.repeat(width)}`, `${' '.repeat(LABELS)}0${end.padStart(width)}`].join(
    '\n',
  );
}

function largest(values: readonly (number | null)[]): number {
  return values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
}
