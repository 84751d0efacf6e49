import { describe, expect, it, vi } from 'vitest';
import { readRequest } from '../../../src/cli/retry/options.js';
import { reportText, retryReport, type Retried } from '../../../src/cli/retry/report.js';
import { startAll } from '../../../src/cli/retry/startAll.js';
import { runProgram } from './runProgram.js';

const NOW = Date.parse('2026-01-31T12:00:00Z');
const pace = { rate: '5', ahead: '20' };

describe('the command line of a retry', () => {
  it('takes exactly one selector', () => {
    expect(readRequest({ ...pace, since: '1h' }, NOW)).toEqual({
      selector: { by: 'since', closedSince: new Date(NOW - 3_600_000) },
      ...{ batchesPerSecond: 5, ahead: 20 },
    });
    const selectors = [{ batch: 'detect/t/0/1-ab' }, { reason: 'POISON' }, { model: 'shapes' }, { all: true }];
    expect(selectors.map((one) => readRequest({ ...pace, ...one }, NOW).selector.by)).toEqual([
      ...['batch', 'reason', 'model', 'all'],
    ]);
    for (const wrong of [{}, { all: true, since: '1h' }, { batch: 'x', model: 'shapes' }])
      expect(() => readRequest({ ...pace, ...wrong }, NOW)).toThrow(/Exactly one/);
  });

  it.each([
    [{ reason: 'NONE' }, /--reason 'NONE': one of POISON, FORBIDDEN/],
    [{ reason: 'GONE' }, /another try can't help/],
    [{ model: 'shapes@1a2b' }, /without its hash/],
    [{ since: 'yesterday' }, /--since 'yesterday'/],
    [{ all: true, rate: '0' }, /--rate '0': a number from 0.1 to 100/],
    [{ all: true, ahead: '0' }, /--ahead '0'/],
  ])('refuses %j', (flags, why) => {
    expect(() => readRequest({ ...pace, ...flags }, NOW)).toThrow(why);
  });

  it('that is wrong ends with exit code 2 before anything is asked', async () => {
    expect(await runProgram('retry')).toMatchObject({ code: 2, stdout: '' });
    expect(await runProgram('retry', '--all', '--since', '1h')).toMatchObject({ code: 2, stdout: '' });
  });
});

const batch = (id: number): Retried => ({
  run: {
    ...{ workflowId: `detect/t/0/${id}`, runId: 'r', status: 'FAILED', closedAt: new Date(NOW), model: 'shapes' },
    ...{ images: 64, dead: { GONE: 1, FORBIDDEN: 2 }, memo: {} },
  },
  outcome: 'selected',
});

it('the report is a table and a sentence', () => {
  const all = [batch(1), { ...batch(2), outcome: 'done' as const }, { ...batch(3), outcome: 'failed' as const }];
  const about = { dryRun: false, interrupted: false, more: false };
  expect(reportText(retryReport(all, about))).toBe(
    [
      'now       at (UTC)             model   images  dead                 batch',
      'selected  2026-01-31 12:00:00  shapes  64      1 GONE, 2 FORBIDDEN  detect/t/0/1',
      'done      2026-01-31 12:00:00  shapes  64      1 GONE, 2 FORBIDDEN  detect/t/0/2',
      'failed    2026-01-31 12:00:00  shapes  64      1 GONE, 2 FORBIDDEN  detect/t/0/3',
      '',
      '2 of 3 started · 1 done · 1 failed again',
    ].join('\n'),
  );
  expect(reportText(retryReport([batch(1)], { ...about, dryRun: true }))).toMatch(
    /^ended .*\nfailed .*\n\n1 would be started; this was a dry run\.$/,
  );
  expect(reportText(retryReport([], about))).toBe('No such batch has failed.');
});

/** A Temporal whose batches end when `end` is called. */
function temporal() {
  const starts: number[] = [];
  const ends: (() => void)[] = [];
  const input = { model: 'shapes', lane: 'bulk', buckets: [], images: [] };
  const started = { workflowExecutionStartedEventAttributes: { input: { payloads: [payloadOf(input)] } } };
  const describe = () =>
    Promise.resolve({
      ...{ type: 'detectBatch', runId: 'r2', status: { name: 'COMPLETED' } },
      typedSearchAttributes: { get: () => undefined },
    });
  const client = {
    options: { namespace: 'default' },
    withDeadline: (_deadline: number, call: () => unknown) => call(),
    workflowService: { getWorkflowExecutionHistory: () => Promise.resolve({ history: { events: [started] } }) },
    workflow: {
      start: () => {
        starts.push(performance.now());
        return Promise.resolve();
      },
      getHandle: () => ({ describe, result: () => new Promise<void>((resolve) => ends.push(resolve)) }),
    },
  } as unknown as Parameters<typeof startAll>[0];
  return { client, starts, ends };
}
const payloadOf = (value: unknown) => ({
  metadata: { encoding: Buffer.from('json/plain') },
  data: Buffer.from(JSON.stringify(value)),
});
const within = { timeout: 4_000, interval: 10 };
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));

describe('batches that are started again', () => {
  it('are started at most so many a second', async () => {
    const { client, starts, ends } = temporal();
    const all = Array.from({ length: 5 }, (_, id) => batch(id));
    const beganAt = performance.now();
    const done = startAll(
      client,
      all,
      { batchesPerSecond: 20, ahead: 5 },
      new AbortController().signal,
      () => undefined,
    );
    const ending = setInterval(() => ends.splice(0).forEach((end) => end()), 10);
    await done;
    clearInterval(ending);
    expect(all.map(({ outcome }) => outcome)).toEqual(Array(5).fill('done'));
    expect((starts.at(-1) ?? 0) - beganAt).toBeGreaterThan(195);
  });

  it('are so many at most that run at once, and after Ctrl-C none is started', async () => {
    const { client, starts, ends } = temporal();
    const all = Array.from({ length: 4 }, (_, id) => batch(id));
    const stop = new AbortController();
    const done = startAll(client, all, { batchesPerSecond: 100, ahead: 2 }, stop.signal, () => undefined);
    await vi.waitFor(() => expect(starts).toHaveLength(2), within);
    await settled();
    expect(starts).toHaveLength(2);
    ends.shift()?.();
    await vi.waitFor(() => expect(starts).toHaveLength(3), within);
    stop.abort();
    await done;
    await settled();
    expect(all.map(({ outcome }) => outcome)).toEqual(['done', 'running', 'running', 'selected']);
    expect(starts).toHaveLength(3);
  });
});
