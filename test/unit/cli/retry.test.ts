import { describe, expect, it, vi } from 'vitest';
import { readRequest } from '../../../src/cli/retry/options.js';
import { progressText, reportText } from '../../../src/cli/retry/text.js';
import { retryReport, selectBatches, startAll, type Retried } from '../../../src/operations/index.js';
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
  const text = reportText(retryReport(all, about));
  expect(text).toMatch(/│ now +│ at \(UTC\) +│ model +│ images │ dead +│ batch +│/);
  for (const [outcome, id] of [
    ['selected', 1],
    ['done', 2],
    ['failed', 3],
  ])
    expect(text).toMatch(
      new RegExp(`│ ${outcome} +│ 2026-01-31 12:00:00 │ shapes │ 64 +│ 1 GONE, 2 FORBIDDEN │ detect/t/0/${id} │`),
    );
  expect(text).toMatch(/\n\n2 of 3 started · 1 done · 1 failed again$/);
  expect(reportText(retryReport([batch(1)], { ...about, dryRun: true }))).toMatch(
    /│ ended .*│ failed .*\n\n1 would be started; this was a dry run\.$/s,
  );
  const unread = { ...batch(2), outcome: 'error' as const, problem: 'no such input' };
  expect(reportText(retryReport([batch(1), unread], { ...about, dryRun: true }))).toMatch(
    /\ndetect\/t\/0\/2: no such input\n\n1 would be started; this was a dry run\.\n1 could not be read or started$/,
  );
  expect(reportText(retryReport([], about))).toBe('No such batch has failed.');
});

/** A Temporal whose batches end when `end` is called; `fault` says what is thrown where a batch is read. */
function temporal(fault: (workflowId: string) => Error | undefined = () => undefined) {
  const starts: number[] = [];
  const ends: (() => void)[] = [];
  const input = { model: 'shapes', lane: 'bulk', buckets: [], images: [] };
  const started = { workflowExecutionStartedEventAttributes: { input: { payloads: [payloadOf(input)] } } };
  const describe = (workflowId: string) => {
    const error = fault(workflowId);
    if (error) return Promise.reject(error);
    return Promise.resolve({
      ...{ type: 'detectBatch', runId: 'r2', status: { name: starts.length > 0 ? 'COMPLETED' : 'TERMINATED' } },
      typedSearchAttributes: { get: () => undefined },
    });
  };
  const client = {
    options: { namespace: 'default' },
    withDeadline: (_deadline: number, call: () => unknown) => call(),
    workflowService: {
      getWorkflowExecutionHistory: ({ execution }: { execution: { workflowId: string } }) => {
        const error = fault(execution.workflowId);
        return error ? Promise.reject(error) : Promise.resolve({ history: { events: [started] } });
      },
    },
    workflow: {
      start: () => {
        starts.push(performance.now());
        return Promise.resolve();
      },
      list: () => [1, 2, 3].map((id) => ({ workflowId: `detect/t/0/${id}` })),
      getHandle: (workflowId: string) => ({
        describe: () => describe(workflowId),
        result: () => new Promise<void>((resolve) => ends.push(resolve)),
      }),
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

describe('a batch that can not be read', () => {
  const broken = (id: string) => (id === 'detect/t/0/2' ? new Error('no such input') : undefined);
  const pace = { batchesPerSecond: 100, ahead: 1 };
  const never = new AbortController().signal;

  it('says why, and the others are started and waited for', async () => {
    const { client, ends } = temporal(broken);
    const all = [batch(1), batch(2), batch(3)];
    const ending = setInterval(() => ends.splice(0).forEach((end) => end()), 10);
    await startAll(client, all, pace, never, () => undefined);
    clearInterval(ending);
    expect(all.map(({ outcome, problem }) => [outcome, problem])).toEqual([
      ['done', undefined],
      ['error', 'no such input'],
      ['done', undefined],
    ]);
    const report = retryReport(all, { dryRun: false, interrupted: false, more: false });
    expect([report.errors, report.batches[1]?.problem]).toEqual([1, 'no such input']);
    expect(progressText(all)).toBe('2 of 3 started · 2 done · 1 could not be read or started');
  });

  it('is among what is selected, by whatever, and is not started', async () => {
    const { client, starts } = temporal(broken);
    const selected = await selectBatches(client, { by: 'reason', reason: 'FORBIDDEN' });
    expect(selected.all.map(({ run, outcome, problem }) => [run.workflowId, outcome, problem])).toEqual([
      ['detect/t/0/2', 'error', 'no such input'],
    ]);
    const { all } = await selectBatches(client, { by: 'all' });
    expect(all.map(({ outcome }) => outcome)).toEqual(['selected', 'error', 'selected']);
    await startAll(client, selected.all, pace, never, () => undefined);
    expect(starts).toEqual([]);
  });

  it('is no fault of its own where Temporal is away: nothing more is started', async () => {
    const { client, starts } = temporal(() => Object.assign(new Error('connection refused'), UNAVAILABLE));
    const all = [batch(1), batch(2)];
    const ended = expect(startAll(client, all, pace, never, () => undefined)).rejects.toThrow('connection refused');
    await ended;
    expect([starts, all.map(({ outcome }) => outcome)]).toEqual([[], ['selected', 'selected']]);
  });
});

const UNAVAILABLE = { code: 14, details: 'connection refused', metadata: {} };
