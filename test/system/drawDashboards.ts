import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startBrowser } from './browser.js';
import type { Prometheus, Series } from './prometheus.js';

/** Draws each dashboard with what its queries answered, for the eye: what Grafana would show, in its places and units. */

interface Target {
  expr: string;
  legendFormat?: string;
}

interface Panel {
  title: string;
  description?: string;
  type: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: Target[];
  fieldConfig?: { defaults: { unit?: string } };
}

const ROW_PX = 34;
const COLUMNS = 24;
const WIDTH = 600;
const HEIGHT = 180;
const COLOURS = ['#3274d9', '#e0752d', '#37872d', '#a352cc', '#c4162a', '#8a8a00', '#0a8a8a', '#777777'];

/** Writes `<dashboard>.png` of each file in `folder` into `into`, of the last `seconds`. */
export async function drawDashboards(
  folder: string,
  { prometheus, into, seconds }: { prometheus: Prometheus; into: string; seconds: number },
): Promise<void> {
  const real = await startBrowser();
  if (real === undefined) throw new Error('there is no browser to draw with');
  try {
    const page = await real.browser.newPage({ viewport: { width: 1_500, height: 900 } });
    for (const file of readdirSync(folder)) {
      const { title, panels } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
        title: string;
        panels: Panel[];
      };
      const drawn = await Promise.all(panels.map((panel) => drawPanel(panel, prometheus, seconds)));
      const html = `<!doctype html><meta charset="utf-8"><style>${STYLE}</style><h1>${escaped(title)}</h1><main>${drawn.join('')}</main>`;
      await writeFile(join(into, file.replace('.json', '.html')), html);
      await page.setContent(html);
      await page.screenshot({ path: join(into, file.replace('.json', '.png')), fullPage: true });
    }
  } finally {
    await real.close();
  }
}

const STYLE = `body{font:13px sans-serif;margin:12px;background:#f4f5f5}main{display:grid;grid-template-columns:repeat(${COLUMNS},1fr);gap:6px;grid-auto-rows:${ROW_PX}px}
section{background:#fff;border:1px solid #ddd;padding:6px;overflow:hidden}section.row{background:none;border:0;font-weight:bold}h2{font-size:13px;margin:0 0 4px}
svg{width:100%;height:calc(100% - 44px)}.none{color:#c4162a}b.stat{font-size:28px}small{color:#555}`;

async function drawPanel(panel: Panel, prometheus: Prometheus, seconds: number): Promise<string> {
  const { x, y, w, h } = panel.gridPos;
  const place = `grid-column:${x + 1}/span ${w};grid-row:${y + 1}/span ${h}`;
  if (panel.type === 'row') return `<section class="row" style="${place}">${escaped(panel.title)}</section>`;
  const unit = panel.fieldConfig?.defaults.unit ?? 'short';
  const answers = await Promise.all(
    (panel.targets ?? []).map(async ({ expr, legendFormat }) => {
      const series = await prometheus.range(expr.replaceAll('$__rate_interval', '15s'), seconds);
      return series.map((one) => ({ ...one, name: legend(one, legendFormat) }));
    }),
  );
  const series = answers.flat();
  const body =
    series.length === 0
      ? '<p class="none">no data</p>'
      : panel.type === 'stat'
        ? series
            .map(
              ({ name, points }) =>
                `<b class="stat">${value(points.at(-1)?.[1], unit)}</b> <small>${escaped(name)}</small> `,
            )
            .join('')
        : chart(series, unit);
  return `<section style="${place}"><h2>${escaped(panel.title)} <small>${escaped(panel.description ?? '')}</small></h2>${body}</section>`;
}

function chart(series: readonly (Series & { name: string })[], unit: string): string {
  const points = series.flatMap((one) => one.points);
  const from = Math.min(...points.map(([at]) => at));
  const to = Math.max(...points.map(([at]) => at), from + 1);
  const top = Math.max(...points.map(([, of]) => of).filter(Number.isFinite), 1e-9);
  const low = Math.min(0, ...points.map(([, of]) => of).filter(Number.isFinite));
  const lines = series.map(({ points: of }, index) => {
    const path = of
      .filter(([, height]) => Number.isFinite(height))
      .map(
        ([at, height]) => `${((at - from) / (to - from)) * WIDTH},${HEIGHT - ((height - low) / (top - low)) * HEIGHT}`,
      );
    return `<polyline fill="none" stroke="${COLOURS[index % COLOURS.length] ?? ''}" stroke-width="2" points="${path.join(' ')}"/>`;
  });
  const names = series.map(
    ({ name, points: of }, index) =>
      `<span style="color:${COLOURS[index % COLOURS.length] ?? ''}">${escaped(name)} ${value(of.at(-1)?.[1], unit)}</span> `,
  );
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none">${lines.join('')}</svg><small>0…${value(top, unit)} · ${names.join('')}</small>`;
}

const legend = ({ metric }: Series, format = ''): string =>
  format === '' || format === '__auto'
    ? JSON.stringify(metric)
    : format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label: string) => metric[label] ?? '?');

const value = (of: number | undefined, unit: string): string =>
  of === undefined || !Number.isFinite(of) ? 'no value' : `${Number(of.toPrecision(3))} ${unit}`;

const escaped = (text: string): string => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
