import { niceTicks } from '../report/index.js';
import { number } from './plan.js';
import { meansOf, type SurgeSecond } from './series.js';

/** One of the four charts. */
export interface SurgeChart {
  title: string;
  hint: string;
  /** SVG; colours come from the page. */
  svg: string;
}

interface Line {
  kind: 'area' | 'line' | 'dashed';
  /** Class of its colour. */
  colour: 'arrivals' | 'detections' | 'backlog' | 'wait' | 'limit';
  points: readonly [second: number, value: number][];
}

interface Panel {
  title: string;
  hint: string;
  unit: string;
  lines: Line[];
  /** Top of the axis; default: the largest value. */
  top?: number;
}

export interface ChartedSurge {
  series: readonly SurgeSecond[];
  cap: number;
  /** For so long images arrived. */
  surgeSeconds: number;
  forecastSeconds: number | null;
}

const WIDTH = 720;
const HEIGHT = 170;
const LEFT = 62;
/** Half a label stands beyond the end of the axis, also in the larger letters of a phone. */
const RIGHT = 34;
const TOP = 10;
const BOTTOM = 26;
/** Room above the largest value. */
const HEADROOM = 1.08;
/** Points of one line at most. */
const POINTS = 300;

/** Arrivals, detections, backlog and wait over time; the time of the surge is shaded. Empty for an empty series. */
export function surgeCharts(surge: ChartedSurge): SurgeChart[] {
  if (surge.series.length === 0) return [];
  return panelsOf(surge).map((panel) => ({
    title: panel.title,
    hint: panel.hint,
    svg: draw(panel, surge.series.length, surge.surgeSeconds),
  }));
}

function panelsOf({ series, cap, surgeSeconds, forecastSeconds }: ChartedSurge): Panel[] {
  const points = (value: (second: SurgeSecond) => number | null): [number, number][] => pointsOf(series, value);
  const end = series.length;
  const limit: Line = {
    kind: 'dashed',
    colour: 'limit',
    points: [
      [0, cap],
      [end, cap],
    ],
  };
  const before = series[Math.max(0, Math.ceil(surgeSeconds) - 1)]?.backlog ?? 0;
  const forecast: Line[] =
    forecastSeconds === null
      ? []
      : [
          {
            kind: 'dashed',
            colour: 'limit',
            points: [
              [surgeSeconds, before],
              [Math.min(end, surgeSeconds + forecastSeconds), 0],
            ],
          },
        ];
  return [
    {
      title: 'Arrivals',
      hint: 'Images a second that intake acknowledged; dashed: the cap.',
      unit: '/s',
      lines: [{ kind: 'area', colour: 'arrivals', points: points(({ arrivals }) => arrivals) }, limit],
    },
    {
      title: 'Detections',
      hint: 'Images a second that were detected; dashed: the cap.',
      unit: '/s',
      lines: [{ kind: 'area', colour: 'detections', points: points(({ detections }) => detections) }, limit],
      top: cap * 1.5,
    },
    {
      title: 'Backlog',
      hint: 'Images that wait; dashed: how it was foreseen to drain when the last had arrived.',
      unit: '',
      lines: [{ kind: 'area', colour: 'backlog', points: points(({ backlog }) => backlog) }, ...forecast],
    },
    {
      title: 'Wait',
      hint: 'From arrival to detection, of the images that were detected then: median, and 95 of 100 (thin).',
      unit: ' s',
      lines: [
        { kind: 'area', colour: 'wait', points: points(({ waitMs }) => waitMs && waitMs.p50 / 1000) },
        { kind: 'line', colour: 'wait', points: points(({ waitMs }) => waitMs && waitMs.p95 / 1000) },
      ],
    },
  ];
}

/** In the middle of the seconds that they are means of. */
function pointsOf(
  series: readonly SurgeSecond[],
  value: (second: SurgeSecond) => number | null,
): [second: number, value: number][] {
  const means = meansOf(series.map(value), POINTS);
  const each = series.length / means.length;
  return means.flatMap((mean, index) =>
    mean === null ? [] : [[(index + 0.5) * each, mean] satisfies [number, number]],
  );
}

function draw({ title, lines, unit, top }: Panel, seconds: number, surgeSeconds: number): string {
  const most = Math.max(
    ...(top === undefined ? lines.flatMap(({ points }) => points.map(([, value]) => value * HEADROOM)) : [top]),
    1,
  );
  const x = (second: number): number => LEFT + ((WIDTH - LEFT - RIGHT) * Math.min(second, seconds)) / seconds;
  const y = (value: number): number => HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * Math.min(value, most)) / most;
  const at = ([second, value]: readonly [number, number]): string => `${x(second).toFixed(1)},${y(value).toFixed(1)}`;
  const band = `<rect class="band" x="${LEFT}" y="${TOP}" width="${(x(surgeSeconds) - LEFT).toFixed(1)}" height="${HEIGHT - TOP - BOTTOM}"/>`;
  const grid = [
    ...niceTicks(most).map((tick) => {
      const line = y(tick).toFixed(1);
      return `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${line}" y2="${line}"/><text x="${LEFT - 8}" y="${line}" text-anchor="end" dominant-baseline="middle">${number(tick)}${unit}</text>`;
    }),
    ...niceTicks(seconds).map(
      (tick) => `<text x="${x(tick).toFixed(1)}" y="${HEIGHT - 7}" text-anchor="middle">${number(tick)} s</text>`,
    ),
  ];
  const drawn = lines.map(({ kind, colour, points }) => {
    const line = `<polyline class="${colour} ${kind}" points="${points.map(at).join(' ')}"/>`;
    const first = points[0];
    const last = points.at(-1);
    if (kind !== 'area' || first === undefined || last === undefined) return line;
    return `<polygon class="${colour}" points="${[[first[0], 0] as const, ...points, [last[0], 0] as const].map(at).join(' ')}"/>${line}`;
  });
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title} over time">${band}${grid.join('')}${drawn.join('')}</svg>`;
}
