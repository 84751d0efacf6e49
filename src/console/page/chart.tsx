import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';

export interface Line {
  name: string;
  /** Name of a colour of the style sheet. */
  colour: string;
  values: readonly (number | null)[];
  dashed?: boolean;
}

const HEIGHT = 180;

/** Local time; seconds where so little is shown that they tell ticks apart. */
function clock(at: number, times: readonly number[]): string {
  const shown = (times.at(-1) ?? Infinity) - (times[0] ?? 0);
  return new Date(at * 1000).toLocaleTimeString('en-GB', {
    ...{ hour: '2-digit', minute: '2-digit' },
    ...(shown > 600 && times.length > 0 ? {} : { second: '2-digit' }),
  });
}

/** Lines over time. `summary` is said in its place to who can't see it. */
export function Chart(props: {
  title: string;
  unit: string;
  summary: string;
  /** Seconds since the epoch. */
  times: readonly number[];
  lines: readonly Line[];
}): JSX.Element {
  const { title, unit, summary, times, lines } = props;
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const colour = (name: string): string => getComputedStyle(element).getPropertyValue(name);
    const axis = { stroke: colour('--dim'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } };
    const plot = new uPlot(
      {
        ...{ width: element.clientWidth, height: HEIGHT, cursor: { y: false }, legend: { live: true } },
        scales: { y: { range: (_plot, _least, most) => [0, Math.max(1, most * 1.1)] } },
        axes: [
          { ...axis, values: (_plot, seconds) => seconds.map((at) => clock(at, times)) },
          { ...axis, size: 56 },
        ],
        series: [
          { label: 'at', value: (_plot, at: number | null) => (at === null ? '–' : clock(at, [])) },
          ...lines.map(({ name, colour: of, dashed }) => ({
            ...{ label: name, stroke: colour(of), width: 2, points: { show: times.length < 3 } },
            ...(dashed ? { dash: [6, 4] } : {}),
            value: (_plot: uPlot, value: number | null) => (value === null ? '–' : `${Number(value.toFixed(1))}`),
          })),
        ],
      },
      [[...times], ...lines.map(({ values }) => [...values])],
      element,
    );
    const watch = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [times, lines]);
  return (
    <figure class="chart">
      <figcaption>
        {title} <small>{unit}</small>
      </figcaption>
      <div ref={place} role="img" aria-label={summary} />
    </figure>
  );
}
