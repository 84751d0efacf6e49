import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { accountTable, escape, htmlDocument, tiles } from '../report/index.js';
import { surgeCharts } from './charts.js';
import { duration, number } from './plan.js';
import { surgeRows, type SurgeResult } from './result.js';

/** Writes `index.html`, one file that needs nothing else, and returns its path. */
export async function writeSurgeReport(folder: string, result: SurgeResult): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'index.html');
  await writeFile(path, surgePage(result, new Date()));
  return path;
}

export function surgePage(result: SurgeResult, madeAt: Date): string {
  const charts = surgeCharts({
    series: result.series,
    cap: result.cap,
    surgeSeconds: result.arrivals.seconds,
    forecastSeconds: result.drain?.forecastSeconds ?? null,
  });
  const drawn = charts.map(
    ({ title, hint, svg }) =>
      `<section><h2>${escape(title)}</h2><p class="hint">${escape(hint)}</p><div class="chart surge">${svg}</div></section>`,
  );
  return htmlDocument({
    title: 'Penstock surge',
    subject: `${result.images} images`,
    verdict: { ok: result.ok, text: surgeVerdict(result) },
    body: `<style>${STYLE}</style>
${tiles(surgeTiles(result))}
${drawn.join('\n')}
<section><h2>The account</h2>${accountTable(surgeRows(result))}</section>`,
    command: 'penstock demo --surge',
    madeAt,
  });
}

/** One sentence where all went well, else one for each thing that did not. */
export function surgeVerdict(result: SurgeResult): string {
  if (!result.ok) return result.failures.join(' ');
  return `${result.images} images came at ${number(result.arrivals.imagesPerSecond)}/s and were detected at the cap of ${number(result.cap)}/s: none lost, none counted twice.`;
}

function surgeTiles({ plateau, arrivals, drain, lost, twice, longestWaitMs }: SurgeResult): [string, string][] {
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  return [
    ['arrived', `${number(arrivals.imagesPerSecond)}/s`],
    ...(plateau === null
      ? []
      : ([
          ['detected', `${plateau.imagesPerSecond.toFixed(1)}/s`],
          ['cap error', percent(plateau.capError)],
        ] satisfies [string, string][])),
    ['lost', String(lost)],
    ['counted twice', String(twice)],
    ...(drain === null ? [] : [['drain', duration(drain.seconds)] satisfies [string, string]]),
    ...(longestWaitMs === null ? [] : [['longest wait', duration(longestWaitMs / 1000)] satisfies [string, string]]),
  ];
}

/** Besides the style of every report. */
const STYLE = `
:root { --arrivals: #8a94a3; --detections: #1c6fd1; --backlog: #c76a12; --wait: #7a4fc0; --band: #0000000a; }
@media (prefers-color-scheme: dark) { :root { --arrivals: #8793a3; --detections: #6cb2ff; --backlog: #f0a350; --wait: #b79cf2; --band: #ffffff0d; } }
.surge .arrivals { --colour: var(--arrivals); } .surge .detections { --colour: var(--detections); }
.surge .backlog { --colour: var(--backlog); } .surge .wait { --colour: var(--wait); } .surge .limit { --colour: var(--ink); }
.surge polyline { stroke: var(--colour); stroke-width: 1.8; } .surge polygon { fill: var(--colour); opacity: .18; }
.surge .line { stroke-width: 1; opacity: .8; } .surge .dashed { stroke-width: 1.2; stroke-dasharray: 5 4; opacity: .75; } .surge .band { fill: var(--band); }
`;
