/** When an image was uploaded, detected and stored; milliseconds since the epoch. */
export interface ImageTimes {
  uploadedAtMs: number;
  detectedAtMs: number;
  storedAtMs: number;
}

const WIDTH = 720;
const HEIGHT = 240;
const LEFT = 52;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 30;
/** Points of one line at most. */
const POINTS = 200;

const SERIES = [
  { key: 'uploadedAtMs', name: 'uploaded' },
  { key: 'detectedAtMs', name: 'detected' },
  { key: 'storedAtMs', name: 'stored' },
] as const;

/** SVG of how many images were uploaded, detected and stored over time; colours come from the page. */
export function landingChart(times: readonly ImageTimes[]): string {
  if (times.length === 0) return '';
  const start = times.reduce((least, { uploadedAtMs }) => Math.min(least, uploadedAtMs), Infinity);
  const end = times.reduce((most, { storedAtMs }) => Math.max(most, storedAtMs), start + 1);
  const x = (ms: number): number =>
    LEFT + (WIDTH - LEFT - RIGHT) * Math.min(1, Math.max(0, (ms - start) / (end - start)));
  const y = (images: number): number => HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * images) / times.length;
  const lines = SERIES.map(({ key, name }) => {
    const sorted = times.map((one) => one[key]).sort((a, b) => a - b);
    return `<polyline class="${name}" points="${steps(sorted, x, y)}"/>`;
  });
  const seconds = (end - start) / 1000;
  const grid = [
    ...niceTicks(times.length).map((images) => {
      const at = y(images).toFixed(1);
      return `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/><text x="${LEFT - 8}" y="${at}" text-anchor="end" dominant-baseline="middle">${images}</text>`;
    }),
    ...niceTicks(seconds).map((second) => {
      const at = x(start + second * 1000);
      return `<text x="${at.toFixed(1)}" y="${HEIGHT - 8}" text-anchor="middle">${second} s</text>`;
    }),
  ];
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Images uploaded, detected and stored over time">${grid.join('')}${lines.join('')}</svg>`;
}

/** A count that grows by one at each of the times, as steps. */
function steps(sorted: readonly number[], x: (ms: number) => number, y: (images: number) => number): string {
  const points = [`${x(0).toFixed(1)},${y(0).toFixed(1)}`];
  const every = Math.max(1, Math.ceil(sorted.length / POINTS));
  let before = 0;
  for (const [index, ms] of sorted.entries()) {
    const images = index + 1;
    if (images % every !== 0 && images !== sorted.length) continue;
    points.push(`${x(ms).toFixed(1)},${y(before).toFixed(1)}`, `${x(ms).toFixed(1)},${y(images).toFixed(1)}`);
    before = images;
  }
  points.push(`${WIDTH - RIGHT},${y(sorted.length).toFixed(1)}`);
  return points.join(' ');
}

/** From 0 up to `most`, in steps of 1, 2 or 5 times a power of ten; three to seven of them. */
export function niceTicks(most: number): number[] {
  const power = 10 ** Math.floor(Math.log10(most / 3));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((width) => most / width <= 6) ?? most;
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, tick) => Number((tick * step).toPrecision(12)));
}
