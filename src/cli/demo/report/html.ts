import { IMAGE_REASONS, isImageReason } from '../../../domain/index.js';
import type { DemoResult } from '../result.js';
import type { Figure } from './gallery.js';
import { STYLE } from './style.js';

export interface PageContent {
  result: DemoResult;
  numbers: readonly [name: string, value: string][];
  /** SVG. */
  chart: string;
  figures: readonly Figure[];
  broken: readonly (Figure & { reason: string; detail: string })[];
  showTruth: boolean;
  madeAt: Date;
}

/** The report: one file without scripts and without anything from elsewhere. */
export function page({ result, numbers, chart, figures, broken, showTruth, madeAt }: PageContent): string {
  const legend = showTruth
    ? 'Solid: what the model found, with its score. Dashed white: what is really there.'
    : 'What the model found, with its score.';
  const sections = [
    `<section>
<h2>The account</h2>
${accountTable(numbers)}
</section>`,
    chart === '' ? '' : `<section><h2>Images over time</h2><div class="chart">${chart}</div>${CHART_LEGEND}</section>`,
    figures.length === 0
      ? ''
      : `<section><h2>What was found</h2><p class="hint">${legend}</p><div class="gallery">${figures.map(figure).join('')}</div></section>`,
    broken.length === 0
      ? ''
      : `<section><h2>What could not be detected, and why</h2><div class="gallery dead">${broken.map(deadFigure).join('')}</div></section>`,
  ];
  return htmlDocument({
    title: 'Penstock demo',
    subject: `${result.images.in} images`,
    verdict: { ok: result.ok, text: verdict(result) },
    body: [tiles(resultTiles(result)), ...sections].join('\n'),
    command: 'penstock demo',
    madeAt,
  });
}

export interface HtmlDocument {
  title: string;
  /** Follows the title in the tab of a browser. */
  subject: string;
  verdict: { ok: boolean; text: string };
  /** HTML. */
  body: string;
  command: string;
  madeAt: Date;
}

/** The frame of every report: style, verdict and footer around a body. */
export function htmlDocument({ title, subject, verdict, body, command, madeAt }: HtmlDocument): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)}: ${escape(subject)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header>
<h1>${escape(title)}</h1>
<p class="verdict ${verdict.ok ? 'good' : 'bad'}">${escape(verdict.text)}</p>
</header>
${body}
<footer>Made ${escape(madeAt.toISOString().replace('T', ' ').slice(0, 19))} UTC by <code>${escape(command)}</code>.</footer>
</main>
</body>
</html>
`;
}

export function accountTable(rows: readonly [name: string, value: string][]): string {
  return `<table>${rows.map(([name, value]) => `<tr><th scope="row">${escape(name)}</th><td>${escape(value)}</td></tr>`).join('')}</table>`;
}

/** Few numbers, large. */
export function tiles(shown: readonly [name: string, value: string][]): string {
  return `<dl class="tiles">${shown.map(([name, value]) => `<div><dt>${escape(name)}</dt><dd>${escape(value)}</dd></div>`).join('')}</dl>`;
}

function verdict(result: DemoResult): string {
  const { images, lost, twice, stalled } = result;
  if (stalled !== null) return stalled;
  if (result.ok) return `${images.in} images in, every one accounted for: none lost, none counted twice.`;
  const failed = Object.values(result.failed).reduce((sum, count) => sum + count, 0);
  const problems = [
    ...(lost > 0 ? [`${lost} lost`] : []),
    ...(twice > 0 ? [`${twice} counted twice`] : []),
    ...(result.strange > 0 ? [`${result.strange} rows that were never sent`] : []),
    ...(failed > 0 ? [`${failed} good pictures dead`] : []),
    ...(result.hourly.agrees ? [] : ['the hourly rollup differs']),
  ];
  return `${images.in} images in: ${problems.join(', ')}.`;
}

function resultTiles(result: DemoResult): [name: string, value: string][] {
  const dead = Object.values(result.dead).reduce((sum, count) => sum + count, 0);
  const { precision, recall, latencyMs, imagesPerSecond } = result;
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  return [
    ['images in', String(result.images.in)],
    ['rows out', String(result.rows)],
    ['lost', String(result.lost)],
    ['counted twice', String(result.twice)],
    ['dead', String(dead)],
    ...(precision === null ? [] : [['precision', percent(precision)] satisfies [string, string]]),
    ...(recall === null ? [] : [['recall', percent(recall)] satisfies [string, string]]),
    ...(latencyMs === null
      ? []
      : [['p95 to row', `${(latencyMs.p95 / 1000).toFixed(1)} s`] satisfies [string, string]]),
    ...(imagesPerSecond === null ? [] : [['images/s', imagesPerSecond.toFixed(1)] satisfies [string, string]]),
  ];
}

const CHART_LEGEND =
  '<p class="legend"><span class="uploaded">uploaded</span><span class="detected">detected</span><span class="stored">stored</span></p>';

function figure({ name, source, caption }: Figure): string {
  const picture = source === undefined ? NOTHING : `<img src="${source}" alt="${escape(name)}" loading="lazy">`;
  return `<figure>${picture}<figcaption><b>${escape(name)}</b><span>${escape(caption)}</span></figcaption></figure>`;
}

function deadFigure({ name, source, caption, reason, detail }: PageContent['broken'][number]): string {
  const picture = source === undefined ? NOTHING : `<img src="${source}" alt="${escape(name)}" loading="lazy">`;
  const meaning = isImageReason(reason) ? IMAGE_REASONS[reason].meaning : '';
  return `<figure>${picture}<figcaption><b>${escape(name)}</b><code class="reason">${escape(reason)}</code><span>${escape(caption)}</span><span>${escape(meaning)}</span><small>${escape(detail)}</small></figcaption></figure>`;
}

const NOTHING = '<div class="nothing">nothing to show</div>';

export function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
