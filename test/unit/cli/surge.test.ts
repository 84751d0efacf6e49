import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { NO_ROWS } from '../../../src/cli/demo/account.js';
import { startSending } from '../../../src/cli/demo/send.js';
import { surgeCharts } from '../../../src/cli/demo/surge/charts.js';
import { LiveSurge } from '../../../src/cli/demo/surge/live.js';
import { clock, duration, planSentence, surgePlan } from '../../../src/cli/demo/surge/plan.js';
import { raiseEvents } from '../../../src/cli/demo/surge/raise.js';
import { surgePage, surgeVerdict } from '../../../src/cli/demo/surge/report.js';
import { surgeResult, surgeTable, type SurgeParts } from '../../../src/cli/demo/surge/result.js';
import type { SurgeTimes } from '../../../src/cli/demo/surge/series.js';
import { bars, sparkline, surgeTextChart } from '../../../src/cli/demo/surge/textChart.js';

const plan = surgePlan(10, 2);
/** Detected exactly at the cap, from half a second after the first came. */
const times: SurgeTimes[] = Array.from({ length: plan.images }, (_, index) => ({
  receivedAtMs: index * 10,
  detectedAtMs: 500 + index * 100,
}));
const GOOD: SurgeParts = {
  plan,
  detectors: 1,
  modelBatch: 8,
  times,
  rows: { ...NO_ROWS, rows: plan.images, detected: plan.images },
  unsent: 0,
  boxesTwice: 0,
  rawRows: plan.images,
  refused: 0,
  backlog: 185,
  model: 'shapes@1234',
  stalled: null,
};

test('a surge that holds every promise is good, and its numbers are those of the tables', () => {
  const result = surgeResult(GOOD);
  expect(result).toMatchObject({ ok: true, failures: [], lost: 0, twice: 0, repeatedResults: 0 });
  expect(result.plateau).toMatchObject({ imagesPerSecond: 10, capError: 0 });
  expect(result.worstWindow).toEqual({ seconds: 10, images: 100, allowed: 108 });
  expect(result.drain).toMatchObject({ backlog: 185, forecastSeconds: 18.5 });
  expect(result.drain?.seconds).toBeCloseTo(18.41);
  expect(result.longestWaitMs).toBe(500 + 199 * 90);
});

const slow = times.map((time, index) => ({ ...time, detectedAtMs: 500 + index * 106 }));
const late = times.map((time) => ({ ...time, receivedAtMs: time.receivedAtMs * 1.1 }));
const bursting = times.map((time, index) => ({
  ...time,
  detectedAtMs: index < 100 ? time.detectedAtMs : time.detectedAtMs - 1000,
}));
test.each<[string, Partial<SurgeParts>, RegExp]>([
  ['an image without a row', { rows: { ...GOOD.rows, lost: ['a'] } }, /1 images are lost/],
  ['an event that was never acknowledged', { unsent: 2 }, /2 images are lost/],
  ['a row beyond the first of its key', { rows: { ...GOOD.rows, twice: 1 } }, /1 are counted twice/],
  ['a box that is there twice', { boxesTwice: 3 }, /3 are counted twice/],
  ['a row of an image that was never sent', { rows: { ...GOOD.rows, strange: 1 } }, /never sent/],
  ['a dead picture', { rows: { ...GOOD.rows, dead: { TIMEOUT: 4 } } }, /4 good pictures are dead/],
  ['ten seconds above the cap', { times: bursting }, /110 images were detected within 10 s, 108 were allowed/],
  ['a cap that is not reached', { times: slow }, /Only 9\.4 images a second were detected.*smaller --cap/],
  ['arrivals below ten times the cap', { times: late }, /Only 91\.4 images a second arrived/],
  [
    'a drain that was foreseen wrongly',
    { backlog: 150 },
    /did not go as foreseen: 150 images in 18\.4 s, foreseen 15\.0 s/,
  ],
  ['a surge that never ended', { backlog: null, stalled: 'Nothing moved.' }, /Nothing moved\./],
])('%s makes the surge fail, by its name', (_, change, sentence) => {
  const result = surgeResult({ ...GOOD, ...change });
  expect(result.ok).toBe(false);
  expect(result.failures.join(' ')).toMatch(sentence);
  expect(surgeVerdict(result)).toMatch(sentence);
});

test('results that were written again are told and harm nothing', () => {
  const result = surgeResult({ ...GOOD, rawRows: plan.images + 7 });
  expect(result).toMatchObject({ ok: true, repeatedResults: 7 });
  expect(surgeTable(result)).toContain('7 results, none counted');
});

test('of nothing nothing is judged good, and nothing throws', () => {
  const result = surgeResult({ ...GOOD, times: [], rows: NO_ROWS, unsent: plan.images, rawRows: 0, backlog: null });
  expect(result).toMatchObject({ ok: false, plateau: null, drain: null, longestWaitMs: null, series: [] });
  expect(surgeTable(result)).toContain('not measured');
  expect(surgeTextChart(result.series, 10)).toBe('');
  expect(surgePage(result, new Date(0))).not.toContain('<svg');
});

test('a person is told beforehand what comes and how long it takes', () => {
  expect(planSentence(surgePlan(20, 60))).toBe(
    '12000 images arrive within 60 s, 200 a second against a cap of 20: the last is detected 10 min after the first came.',
  );
  expect([duration(89), duration(90), clock(125), clock(59.6)]).toEqual(['89 s', '1.5 min', '2:05', '1:00']);
});

test('a sparkline has one character for each value, from 0 to the largest', () => {
  expect(sparkline([0, 1, null, 7])).toBe('▁▂ █');
  expect(sparkline([5, 20], 10)).toBe('▅█');
  expect(sparkline([0, 0])).toBe('▁▁');
});

test('bars stand on their line, in eighths of a character, and what is tiny still shows', () => {
  expect(bars([0, 8, 12, 16, null, 0.01], 2, 16)).toEqual(['  ▄█', ' ███ ▁']);
});

test('the chart for a terminal shows all four over time within 80 columns', () => {
  const chart = surgeTextChart(surgeResult(GOOD).series, 10);
  for (const name of ['arrivals', 'detections', 'backlog', 'wait p50', '21 s']) expect(chart).toContain(name);
  expect(Math.max(...chart.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  const detections = chart.split('\n').findIndex((line) => line.startsWith('detections'));
  // Flat but for its two ends.
  expect(chart.split('\n')[detections + 1]?.split('│')[1]).toMatch(/^.?█{18,}.?$/);
});

test('the report has the four charts, in one file that needs nothing else', () => {
  const html = surgePage(surgeResult(GOOD), new Date(0));
  for (const title of ['Arrivals', 'Detections', 'Backlog', 'Wait'])
    expect(html).toContain(`aria-label="${title} over time"`);
  expect(html).not.toMatch(/https?:\/\/|NaN|Infinity|undefined/);
});

test('a long surge draws no more points than a short one can', () => {
  const series = Array.from({ length: 36_000 }, (_, second) => ({
    ...{ second, arrivals: 1, detections: 1, backlog: second % 100, waitMs: { p50: 1, p95: 2 } },
  }));
  const charts = surgeCharts({ series, cap: 1, surgeSeconds: 3600, forecastSeconds: null });
  for (const { svg } of charts) expect(svg.length).toBeLessThan(20_000);
});

test('the line of a running surge has rates, backlog, and the age of what is detected now', () => {
  const live = new LiveSurge(10);
  expect(live.line()).toBe('the surge begins');
  for (let second = 0; second <= 8; second += 1)
    live.add({ atMs: 5000 + second * 1000, arrived: Math.min(400, second * 100), detected: second * 20 });
  expect(live.backlog).toBe(240);
  // The 161st came in the second second.
  expect(live.line()).toMatch(/^0:08 {2}in 20\/s \S+ {2}out 20\/s \S+ {2}backlog 240 \S+ {2}wait 0:06$/);
});

const picture = {
  name: 'a',
  contentType: 'image/jpeg',
  kind: 'picture',
  load: () => Promise.reject(new Error()),
} as const;
const uploads = Array.from({ length: 120 }, (_, index) => ({
  picture,
  resource: { bucket: 'b', name: `a-${index}`, generation: '1', timeCreated: '2026-01-31T12:00:00.123Z' },
}));

/** Takes batches of events; answers with the statuses in turn, then with 200. */
async function startIntake(statuses: number[]): Promise<{ address: string; names: string[] }> {
  const names: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const status = statuses.shift() ?? 200;
      if (status === 200)
        names.push(...(JSON.parse(body) as { data: { name: string } }[]).map(({ data }) => data.name));
      response.writeHead(status, { connection: 'close' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { address: `http://127.0.0.1:${port}`, names };
}

test('events are raised by the clock, each once, and what intake refuses is sent again and told', async () => {
  const { address, names } = await startIntake([503]);
  const sending = startSending();
  const signal = new AbortController().signal;
  const startedAt = performance.now();
  await raiseEvents(uploads, { intake: () => address, token: undefined, perSecond: 150, sending, signal });
  expect(names.toSorted()).toEqual(uploads.map(({ resource }) => resource.name).toSorted());
  expect(sending).toMatchObject({ events: 120, retried: 1 });
  expect(sending.images.map(({ object }) => object).toSorted()).toEqual(names.toSorted());
  // The last of 120 is due after 119 / 150 s.
  expect(performance.now() - startedAt).toBeGreaterThan(790);
});

test('Ctrl-C ends the surge', async () => {
  const stop = new AbortController();
  const raising = raiseEvents(uploads, {
    ...{ intake: () => undefined, token: undefined, perSecond: 10, sending: startSending() },
    signal: stop.signal,
  });
  stop.abort(new Error('stopped'));
  await expect(raising).rejects.toThrow('stopped');
});
