import { afterEach, describe, expect, it, vi } from 'vitest';
import type { RunAnswer, RunsAnswer, DatasetsAnswer } from '../../../../src/intake/datasets/contract.js';
import { MOST_IN_FLIGHT } from '../../../../src/intake/datasets/routes.js';
import { COUNTS, record, startApi, temporalAway } from './rig.js';

const ID = 'dataset/orders/api/a';
const URL = `/v1/runs/${ID}`;
const ENDED = { endedAt: new Date('2026-01-01T00:02:00Z'), step: 'done' } as const;

afterEach(() => {
  vi.useRealTimers();
});

describe('the state of a run', () => {
  it('is that of its workflow while it runs', async () => {
    const { get, runs } = await startApi();
    runs.run(ID, {});
    expect((await get(URL)).json()).toEqual({
      ...{ workflowId: ID, run: URL, dataset: 'orders', status: 'running', step: 'staging', counts: COUNTS },
      ...{ failure: null, startedAt: '2026-01-01T00:00:00.000Z', endedAt: null, warnings: [] },
    });
  });

  it.each([
    ['as it is', URL],
    ['encoded', `/v1/runs/${encodeURIComponent(ID)}`],
  ])('is found by its id: %s', async (_name, url) => {
    const { get, runs } = await startApi();
    runs.run(ID, {});
    expect((await get(url)).json()).toMatchObject({ workflowId: ID, run: URL });
  });

  it('is found by the id that a schedule gives', async () => {
    const { get, runs } = await startApi();
    const id = `dataset/${'o'.repeat(63)}-2026-01-31T00:00:00Z`;
    runs.run(id, {});
    const { run } = (await get(`/v1/runs/${id}`)).json<RunAnswer>();
    expect((await get(run)).json()).toMatchObject({ workflowId: id, dataset: 'o'.repeat(63) });
  });

  it('says that it does not know where no orchestrator answers', async () => {
    const { get, runs } = await startApi();
    runs.run(ID, { step: undefined, counts: undefined });
    expect((await get(URL)).json()).toMatchObject({ status: 'running', step: null, counts: null });
  });

  it('is its result, where it was published', async () => {
    const { get, runs } = await startApi();
    runs.run(ID, { ...ENDED, status: 'published', warnings: ['price: 3 rows'] });
    expect((await get(URL)).json()).toMatchObject({
      ...{ status: 'published', step: 'done', counts: COUNTS, warnings: ['price: 3 rows'] },
      endedAt: '2026-01-01T00:02:00.000Z',
    });
  });

  it('has its counts and warnings from its record, where it failed', async () => {
    const { get, runs, records } = await startApi();
    runs.run(ID, { ...ENDED, status: 'failed', failure: 'too many rows were set aside', counts: undefined });
    records.runs = [record({ status: 'failed', failure: 'too many rows were set aside' })];
    expect((await get(URL)).json()).toMatchObject({
      ...{ status: 'failed', failure: 'too many rows were set aside', counts: COUNTS, warnings: ['late: 3 rows'] },
    });
    records.isAway = true;
    expect((await get(URL)).json()).toMatchObject({ status: 'failed', counts: null, warnings: [] });
  });

  it.each([
    ['of an earlier run of the same workflow', record({ run: 'run-0' })],
    ['that never was ended', record({ status: 'running' })],
  ])('is not told from a record %s', async (_name, row) => {
    const { get, runs, records } = await startApi();
    runs.run(ID, { ...ENDED, status: 'terminated', counts: undefined });
    records.runs = [row];
    expect((await get(URL)).json()).toMatchObject({ status: 'terminated', counts: null, warnings: [] });
  });

  it('is its record, once Temporal has forgotten it', async () => {
    const { get, records } = await startApi();
    records.runs = [record({})];
    expect((await get(URL)).json()).toMatchObject({ status: 'published', step: 'done', counts: COUNTS });
    records.runs = [record({ status: 'running', ended_at: null })];
    expect((await get(URL)).json()).toMatchObject({ status: 'terminated', counts: null, endedAt: null });
  });

  it.each([
    ...['dataset/orders/api/none', 'dataset/orders', 'dataset/orders/', 'dataset/Orders/a', 'dataset//a', '%00', ''],
    ...['detect/orders/a', 'xdataset/orders/a', `dataset/orders/${'a'.repeat(2_000)}`],
  ])('is 404 for what is no run: %s', async (id) => {
    const { get } = await startApi();
    expect((await get(`/v1/runs/${id}`)).statusCode).toBe(404);
  });

  it('is 503 while Temporal is away', async () => {
    const { get, runs } = await startApi();
    runs.failure = temporalAway();
    expect((await get(URL)).statusCode).toBe(503);
  });
});

describe('who waits', () => {
  it('is answered when the run ends', async () => {
    const { get, runs } = await startApi();
    runs.run(ID, {});
    const waiting = get(`${URL}?waitSeconds=50`);
    await vi.waitFor(() => expect(runs.waiting(ID)).toBe(1), 5_000);
    runs.run(ID, { ...ENDED, status: 'unchanged' });
    expect((await waiting).json()).toMatchObject({ status: 'unchanged' });
  });

  it('is answered when the time is over', async () => {
    const { get, runs } = await startApi();
    runs.run(ID, {});
    const beganAt = performance.now();
    expect((await get(`${URL}?waitSeconds=1`)).json()).toMatchObject({ status: 'running' });
    expect(performance.now() - beganAt).toBeGreaterThan(900);
  });

  it('does not where the run has ended', async () => {
    const { get, runs } = await startApi();
    runs.run(ID, { ...ENDED, status: 'published' });
    expect((await get(`${URL}?waitSeconds=50`)).json()).toMatchObject({ status: 'published' });
    expect(runs.finds).toBe(1);
  });

  it.each(['51', '-1', '1.5', '', 'x', '1&waitSeconds=2'])('waits for 0 to 50 whole seconds: %s', async (wait) => {
    const { get } = await startApi();
    const response = await get(`${URL}?waitSeconds=${wait}`);
    expect(response.statusCode).toBe(400);
    expect(response.json<{ message: string }>().message).toContain('query.waitSeconds');
  });

  it('is told how the run stands when intake stops, and nobody is taken after that', async () => {
    const { get, runs, stop } = await startApi();
    runs.run(ID, {});
    const waiting = get(`${URL}?waitSeconds=50`);
    await vi.waitFor(() => expect(runs.waiting(ID)).toBe(1), 5_000);
    const beganAt = performance.now();
    const stopped = stop();
    expect((await waiting).json()).toMatchObject({ status: 'running' });
    expect((await get(URL)).statusCode).toBe(503);
    await stopped;
    expect(performance.now() - beganAt, 'it does not wait for them').toBeLessThan(4_000);
  });

  it('is told that intake stops, where nobody answers it for five seconds then', async () => {
    const { get, runs, stop } = await startApi();
    runs.hangs = true;
    const asking = get(URL);
    await vi.waitFor(() => expect(runs.finds).toBe(1), 5_000);
    const beganAt = performance.now();
    await stop();
    expect(performance.now() - beganAt).toBeGreaterThan(4_000);
    const answer = await asking;
    expect([answer.statusCode, answer.json()]).toEqual([503, { error: 'unavailable', message: 'intake is stopping' }]);
  }, 15_000);

  it('leaves room for others', async () => {
    const { get, runs, start } = await startApi();
    runs.run(ID, {});
    const waiting = Array.from({ length: 48 }, () => get(`${URL}?waitSeconds=50`));
    await vi.waitFor(() => expect(runs.waiting(ID)).toBe(48), 5_000);
    const another = await get(`${URL}?waitSeconds=50`);
    expect([another.statusCode, another.headers['retry-after']]).toEqual([429, '1']);
    expect((await start()).statusCode).toBe(202);
    runs.run(ID, { ...ENDED, status: 'published' });
    for (const { statusCode } of await Promise.all(waiting)) expect(statusCode).toBe(200);
  });

  it('takes no place any more when it hangs up', async () => {
    const { http, runs, count, lines } = await startApi();
    runs.run(ID, {});
    const address = await http.listen({ host: '127.0.0.1', port: 0 });
    const hangUp = new AbortController();
    const waiting = fetch(`${address}${URL}?waitSeconds=50`, { signal: hangUp.signal }).catch(() => 'gone');
    await vi.waitFor(() => expect(runs.waiting(ID)).toBe(1), 5_000);
    hangUp.abort();
    expect(await waiting).toBe('gone');
    await vi.waitFor(() => expect(runs.waiting(ID)).toBe(0), 5_000);
    await vi.waitFor(async () => expect(await count('gone')).toBe(1), 5_000);
    expect([await count('unavailable'), lines]).toEqual([0, [expect.objectContaining({ level: 20 })]]);
  });
});

describe('every answer', () => {
  it.each(['ClickHouse', 'Temporal'])('is there within ten seconds, whatever %s does', async (server) => {
    const { start, get, runs, records } = await startApi();
    if (server === 'Temporal') runs.hangs = true;
    else records.hangs = true;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const asked = [start(), server === 'Temporal' ? get(URL) : get('/v1/datasets')];
    await vi.waitFor(() => expect(vi.getTimerCount()).toBeGreaterThanOrEqual(2), 5_000);
    await vi.advanceTimersByTimeAsync(10_000);
    for (const answer of await Promise.all(asked)) {
      expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '5']);
      expect(answer.json<{ message: string }>().message).toContain('within 10 s');
    }
  });

  it('is 429 while 64 requests are worked on, and another once they are answered', async () => {
    const { get, records } = await startApi();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const listed = vi.spyOn(records, 'listDatasets').mockImplementation(() => held.then(() => []));
    const first = Array.from({ length: MOST_IN_FLIGHT }, () => get('/v1/datasets'));
    await vi.waitFor(() => expect(listed).toHaveBeenCalledTimes(64), 5_000);
    const another = await get('/v1/datasets');
    expect([another.statusCode, another.headers['retry-after']]).toEqual([429, '1']);
    release();
    for (const { statusCode } of await Promise.all(first)) expect(statusCode).toBe(200);
    expect((await get('/v1/datasets')).statusCode).toBe(200);
  });
});

describe('lists', () => {
  it('have the runs of a dataset by their records, the latest first', async () => {
    const { get, records } = await startApi();
    records.runs = [
      record({ number: '3', status: 'running', ended_at: null }),
      record({ number: '2', status: 'failed', failure: 'no such bucket', workflow_id: 'dataset/orders/uploads' }),
      record({ dataset: 'returns' }),
    ];
    const { runs } = (await get('/v1/datasets/orders/runs')).json<RunsAnswer>();
    expect(runs).toMatchObject([
      { status: 'running', step: null, counts: null, endedAt: null, trigger: 'api' },
      { status: 'failed', failure: 'no such bucket', counts: COUNTS, run: '/v1/runs/dataset/orders/uploads' },
    ]);
    expect((await get('/v1/datasets/orders/runs?limit=1')).json<RunsAnswer>().runs).toHaveLength(1);
    expect((await get('/v1/datasets/invoices/runs')).statusCode).toBe(404);
    for (const limit of ['0', '101', '1e1'])
      expect((await get(`/v1/datasets/orders/runs?limit=${limit}`)).statusCode).toBe(400);
  });

  it('have the datasets page by page, with how fresh they are', async () => {
    const { get, records } = await startApi();
    const { workflow_id, status, started_at, ended_at } = record({ status: 'failed' });
    const freshAt = new Date(Date.now() - 3_600_000).toISOString();
    records.datasets = [
      { name: 'a', description: undefined, lastRun: undefined, freshAt: undefined },
      { name: 'b', description: 'All of it', lastRun: { workflow_id, status, started_at, ended_at }, freshAt },
      { name: 'c', description: undefined, lastRun: undefined, freshAt: undefined },
    ];
    const first = (await get('/v1/datasets?limit=2')).json<DatasetsAnswer>();
    expect(first).toMatchObject({
      datasets: [
        { name: 'a', description: null, lastRun: null, freshAt: null, freshnessSeconds: null },
        { name: 'b', description: 'All of it', lastRun: { status: 'failed', run: URL }, freshAt },
      ],
      next: 'b',
    });
    expect(first.datasets[1]?.freshnessSeconds).toBeCloseTo(3_600, -1);
    const rest = (await get('/v1/datasets?limit=2&after=b')).json<DatasetsAnswer>();
    expect([rest.datasets.map(({ name }) => name), rest.next]).toEqual([['c'], null]);
  });
});
