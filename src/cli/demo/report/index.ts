import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { resultRows, type DemoResult } from '../result.js';
import { landingChart, type ImageTimes } from './chart.js';
import type { Gallery } from './gallery.js';
import { page } from './html.js';

export { Gallery } from './gallery.js';
export { niceTicks, type ImageTimes } from './chart.js';
export { accountTable, escape, htmlDocument, tiles, type HtmlDocument } from './html.js';

export interface ReportContent {
  result: DemoResult;
  gallery: Gallery;
  times: readonly ImageTimes[];
  /** Whether known boxes are drawn too. */
  showTruth: boolean;
}

/** Writes `index.html`, one file that needs nothing else, and returns its path. */
export async function writeReport(folder: string, content: ReportContent): Promise<string> {
  const { result, gallery, times, showTruth } = content;
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'index.html');
  const html = page({
    result,
    numbers: resultRows(result),
    chart: landingChart(times),
    figures: await gallery.figures(showTruth),
    broken: await gallery.broken(),
    showTruth,
    madeAt: new Date(),
  });
  await writeFile(path, html);
  return path;
}
