import { expect, test } from 'vitest';
import { sumOfMetric } from '../../../src/cli/demo/follow.js';
import { progressLine } from '../../../src/cli/demo/progress.js';
import { landingChart, niceTicks } from '../../../src/cli/demo/report/chart.js';
import { page } from '../../../src/cli/demo/report/html.js';
import {
  demoResult,
  resultRows,
  resultTable,
  type DemoResult,
  type ResultParts,
} from '../../../src/cli/demo/result.js';
import { RecentRate, showProgress } from '../../../src/cli/progress.js';

const RUN: ResultParts = {
  sending: { uploaded: 3, images: [], events: 4, repeated: 1, retried: 0 },
  broken: 1,
  total: 3,
  rows: { rows: 3, detected: 2, dead: { GONE: 1 }, failed: {}, lost: [], twice: 0, strange: 0 },
  boxes: { detections: 5, twice: 0 },
  hourly: { missing: 0, extra: 0 },
  speed: { latencyMs: { p50: 1234, p95: 2345 }, imagesPerSecond: 12.34, seconds: 9 },
  model: 'shapes@1234',
  precision: 0.987,
  recall: 0.9,
  stalled: null,
};
const picture = {
  name: 'a.jpg',
  contentType: 'image/jpeg',
  kind: 'picture',
  load: () => Promise.reject(new Error()),
} as const;
const image = { picture, object: 'a.jpg', generation: '1', uploadedAtMs: 0 };
RUN.sending.images = [image, image, image];

function result(change: Partial<ResultParts> = {}): DemoResult {
  return demoResult({ ...RUN, ...change });
}

test('a run is good when nothing is lost, nothing counted twice, no good picture failed and the rollups agree', () => {
  expect(result().ok).toBe(true);
  expect(result({ rows: { ...RUN.rows, lost: ['a.jpg'] } })).toMatchObject({ ok: false, lost: 1 });
  expect(result({ rows: { ...RUN.rows, twice: 1 } })).toMatchObject({ ok: false, twice: 1 });
  expect(result({ rows: { ...RUN.rows, strange: 1 } })).toMatchObject({ ok: false });
  expect(result({ rows: { ...RUN.rows, failed: { MODEL_FAILED: 1 } } })).toMatchObject({ ok: false });
  expect(result({ boxes: { detections: 5, twice: 2 } })).toMatchObject({ ok: false, twice: 2 });
  expect(result({ hourly: { missing: 0, extra: 3 } })).toMatchObject({ ok: false, twice: 3 });
  expect(result({ hourly: { missing: 3, extra: 0 } })).toMatchObject({ ok: false, twice: 0 });
  expect(result({ stalled: 'nothing moved' })).toMatchObject({ ok: false });
});

test('an image whose event was never acknowledged is lost too', () => {
  expect(result({ sending: { ...RUN.sending, images: [image, image] } })).toMatchObject({ ok: false, lost: 1 });
});

test('the table says what came of the run, and leaves out precision and recall where nothing is known', () => {
  const table = resultTable(result());
  for (const text of ['3 (1 broken on purpose)', 'GONE 1', '98.7 %', 'p50 1.23 s, p95 2.35 s', '12.3'])
    expect(table).toContain(text);
  const names = resultRows(result({ precision: null, recall: null })).map(([name]) => name);
  expect(names).toContain('counted twice');
  expect(names).not.toContain('precision');
  expect(names).not.toContain('recall');
});

test('the line of progress adds up', () => {
  const line = progressLine({ total: 10, uploaded: 9, accepted: 8, detected: 5, stored: 3, imagesPerSecond: 1.26 });
  expect(line).toBe('uploaded 9/10 · waiting 3 · detected 5 · stored 3 · 1.3 images/s');
});

test('without a terminal progress comes in whole lines, with one in a line that is rewritten', () => {
  const snapshot = (): Parameters<typeof progressLine>[0] => ({
    total: 1,
    uploaded: 1,
    accepted: 1,
    detected: 1,
    stored: 1,
    imagesPerSecond: 1,
  });
  const written = (isTTY: boolean): string => {
    let text = '';
    showProgress({ out: { isTTY, write: (more) => (text += more) }, line: () => progressLine(snapshot()) }).stop();
    return text;
  };
  expect(written(false)).toMatch(/^uploaded [^\r\n]*\n$/);
  expect(written(true)).toMatch(/^\r\x1b\[2Kuploaded [^\r\n]*\n$/);
});

test('the rate is that of the last five seconds', () => {
  const rate = new RecentRate();
  expect(rate.perSecond()).toBe(0);
  for (let second = 0; second <= 20; second += 1) rate.add(second * 1000, second < 10 ? 0 : (second - 10) * 7);
  expect(rate.perSecond()).toBeCloseTo(7);
});

test('a metric is the sum of its samples, and of nothing that only begins like it', () => {
  const text = [
    '# TYPE penstock_x_total counter',
    'penstock_x_total{outcome="a",role="r"} 3',
    'penstock_x_total{outcome="b"} 4.5',
    'penstock_x_total_created 99',
    'penstock_xy_total 99',
  ].join('\n');
  expect(sumOfMetric(text, 'penstock_x_total')).toBe(7.5);
});

test('ticks are round numbers from 0, a few of them', () => {
  expect(niceTicks(305)).toEqual([0, 100, 200, 300]);
  expect(niceTicks(10)).toEqual([0, 2, 4, 6, 8, 10]);
  expect(niceTicks(0.7)).toEqual([0, 0.2, 0.4, 0.6]);
});

test('the report needs nothing but itself, says everything, and lets no text become markup', () => {
  const times = [{ uploadedAtMs: 0, detectedAtMs: 500, storedAtMs: 1000 }];
  const html = page({
    result: result(),
    numbers: resultRows(result()),
    chart: landingChart(times),
    figures: [{ name: '<script>alert(1)</script>.jpg', source: 'data:image/jpeg;base64,AAAA', caption: '"2" & 3' }],
    broken: [{ name: 'cut.jpg', source: undefined, caption: 'cut', reason: 'CORRUPT_IMAGE', detail: 'ends <early>' }],
    showTruth: true,
    madeAt: new Date(0),
  });
  expect(html).not.toMatch(/<script|<link|@import|url\(|https?:\/\//);
  expect([...html.matchAll(/src="([^"]*)"/g)].every(([, source]) => source?.startsWith('data:'))).toBe(true);
  for (const text of ['&lt;script&gt;', 'none lost, none counted twice', 'CORRUPT_IMAGE', 'ends &lt;early&gt;', '<svg'])
    expect(html).toContain(text);
});
