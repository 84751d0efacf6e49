import { describe, expect, it, vi } from 'vitest';
import { startApi, temporalAway } from './rig.js';

const KEY = { 'idempotency-key': 'order of 1 May' };
const TOKEN = 'k'.repeat(32);
const ORDERS_TOKEN = 'o'.repeat(32);
const DETECT_TOKEN = 'd'.repeat(32);
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

describe('a run', () => {
  it('is started with what its body says, in UTC, and its state has an address', async () => {
    const { start, runs, get, count } = await startApi();
    const response = await start({ logicalDate: '2026-01-31', since: '2026-01-30T01:00:00+01:00', full: true }, KEY);
    expect(response.statusCode).toBe(202);
    const run = '/v1/runs/dataset/orders/api/order%20of%201%20May';
    expect(response.json()).toEqual({ workflowId: 'dataset/orders/api/order of 1 May', run, isNew: true });
    expect(response.headers.location).toBe(run);
    expect(runs.started).toEqual([
      {
        key: 'order of 1 May',
        request: {
          ...{ dataset: 'orders', trigger: 'api', full: true },
          ...{ logicalDate: '2026-01-31T00:00:00.000Z', since: '2026-01-30T00:00:00.000Z' },
        },
      },
    ]);
    expect((await get(run)).json()).toMatchObject({ status: 'running', dataset: 'orders', run });
    expect(await count('started')).toBe(1);
  });

  it.each([
    ['no body', undefined, {}],
    ['an empty one of any type', '', { 'content-type': 'text/plain', 'content-length': '0' }],
    ['an empty object', '{}', {}],
    ['white space', ' \n', {}],
    ['a type with parameters', '{}', { 'content-type': 'Application/JSON; charset="utf-8' }],
  ])('needs nothing: %s', async (_name, body, headers) => {
    const { start, runs } = await startApi();
    expect((await start(body, headers)).statusCode).toBe(202);
    expect(runs.started).toEqual([{ key: undefined, request: { dataset: 'orders', trigger: 'api' } }]);
  });

  it('begins where a number says, for a source that counts', async () => {
    const { start, runs } = await startApi();
    expect((await start({ since: '9007199254740993', until: '9007199254740994' })).statusCode).toBe(202);
    expect(runs.started[0]?.request).toMatchObject({ since: '9007199254740993', until: '9007199254740994' });
  });

  it('is the same under the same key, however the same is written', async () => {
    const { start, runs, count } = await startApi();
    const first = await start({ since: '2026-01-30T00:00:00Z', until: '2026-01-31' }, KEY);
    const again = await start('{ "until": "2026-01-31T00:00:00.000Z", "full": false, "since": "2026-01-30" }', KEY);
    expect(again.statusCode).toBe(200);
    expect(again.json()).toEqual({ ...first.json<object>(), isNew: false });
    expect(again.headers.location).toBe(first.headers.location);
    expect(runs.started).toHaveLength(1);
    expect([await count('started'), await count('repeated')]).toEqual([1, 1]);
  });

  it('is another without a key, or under another one', async () => {
    const { start, runs } = await startApi();
    for (const headers of [{}, {}, KEY, { 'idempotency-key': 'b' }])
      expect((await start({}, headers)).statusCode).toBe(202);
    expect(runs.started).toHaveLength(4);
  });

  it('is refused where its key was used with another body, and says which run has it', async () => {
    const { start, runs, count } = await startApi();
    await start({ full: true }, KEY);
    const other = await start({}, KEY);
    expect(other.statusCode).toBe(422);
    expect(other.json()).toMatchObject({ error: 'reused', workflowId: 'dataset/orders/api/order of 1 May' });
    expect(runs.started).toHaveLength(1);
    expect(await count('reused')).toBe(1);
  });
});

describe('a request is refused with what is wrong', () => {
  it.each<[unknown, string]>([
    [{ sinec: '2026-01-01' }, 'body: sinec is not known; known are logicalDate, since, until, full'],
    ['{"__proto__": {"full": true}}', '__proto__ is not known'],
    [{ logicalDate: '2026-02-31' }, 'body.logicalDate: an ISO 8601 time'],
    [{ logicalDate: '01/02/2026' }, 'body.logicalDate'],
    [{ logicalDate: '2026-01-01T00:00:00' }, 'body.logicalDate'],
    [{ logicalDate: '1969-12-31' }, 'body.logicalDate'],
    [{ logicalDate: '2200-01-01' }, 'body.logicalDate'],
    [{ logicalDate: '17' }, 'body.logicalDate'],
    [{ since: 17 }, 'body.since'],
    [{ until: '1e3' }, 'body.until'],
    [{ full: 'yes' }, 'body.full: true or false'],
    [{ since: '2026-01-02', until: '2026-01-02' }, 'body.since: it has to be before until'],
    [{ since: '10', until: '9' }, 'body.since: it has to be before until'],
    [{ since: '10', until: '2026-01-02' }, 'of its kind'],
    [[], 'body: a JSON object'],
    ['null', 'body: a JSON object'],
    ['{', 'body: no JSON'],
  ])('%j', async (body, message) => {
    const { start, runs } = await startApi();
    const response = await start(body);
    expect([response.statusCode, response.json()]).toEqual([
      400,
      { error: 'invalid', message: expect.stringContaining(message) as string },
    ]);
    expect(runs.started).toEqual([]);
  });

  it.each(['', 'a\tb', 'ü', 'x'.repeat(256)])('with the key %j', async (key) => {
    const { start } = await startApi();
    const response = await start({}, { 'idempotency-key': key });
    expect(response.statusCode).toBe(400);
    expect(response.json<{ message: string }>().message).toContain('Idempotency-Key: 1 to 255 printable');
  });

  it('for a body of another type, packed, or too large', async () => {
    const { start, count } = await startApi();
    const status = async (body: string, headers: Record<string, string>): Promise<number> =>
      (await start(body, headers)).statusCode;
    expect(await status('full=true', { 'content-type': 'application/x-www-form-urlencoded' })).toBe(415);
    expect(await status('{}', { 'content-encoding': 'gzip' })).toBe(415);
    expect(await status(`{"a":"${'x'.repeat(65_536)}"}`, {})).toBe(413);
    expect(await count('too_large')).toBe(1);
  });

  it('for a body that is too large and does not say so', async () => {
    const { http, runs } = await startApi();
    const address = await http.listen({ host: '127.0.0.1', port: 0 });
    const body = new ReadableStream({
      start: (controller) => {
        for (let sent = 0; sent <= 65_536; sent += 1_024) controller.enqueue(Buffer.alloc(1_024, 0x20));
        controller.close();
      },
    });
    const headers = { 'content-type': 'application/json' };
    const asked = { method: 'POST', headers, body, duplex: 'half' } as RequestInit;
    expect((await fetch(`${address}/v1/datasets/orders/runs`, asked)).status).toBe(413);
    expect(runs.started).toEqual([]);
  });

  it('for a method that it has not', async () => {
    const { inject } = await startApi();
    const deleted = await inject({ method: 'DELETE', url: '/v1/datasets/orders/runs' });
    expect([deleted.statusCode, deleted.headers.allow]).toEqual([405, 'GET, POST']);
    expect((await inject({ method: 'POST', url: '/v1/runs/dataset/orders/api/a' })).statusCode).toBe(405);
  });
});

describe('of what there is', () => {
  it('a dataset that nobody applied is 404', async () => {
    const { start, runs } = await startApi();
    for (const name of ['invoices', 'Orders', '-', 'x'.repeat(90)])
      expect((await start({}, {}, name)).statusCode, name).toBe(404);
    expect(runs.started).toEqual([]);
  });

  it('a server that is away is 503, with a time to ask again', async () => {
    const { start, runs, records, get, count } = await startApi();
    records.isAway = true;
    const noRecords = await start();
    expect([noRecords.statusCode, noRecords.headers['retry-after']]).toEqual([503, '5']);
    expect(noRecords.json<{ message: string }>().message).toBe('ClickHouse does not answer');
    expect((await get('/v1/datasets')).statusCode).toBe(503);
    records.isAway = false;
    runs.failure = temporalAway();
    const noTemporal = await start();
    expect([noTemporal.statusCode, noTemporal.headers['retry-after']]).toEqual([503, '5']);
    expect(noTemporal.json<{ message: string }>().message).toContain('whether the run was begun is not known');
    expect(await count('unavailable')).toBe(3);
  });

  it('a defect is 500, told to the log and to nobody else', async () => {
    const { start, runs, lines } = await startApi();
    runs.failure = new Error('secret internals');
    const response = await start();
    expect([response.statusCode, response.json()]).toEqual([500, { error: 'failed', message: 'internal error' }]);
    expect(JSON.stringify(lines)).toContain('secret internals');
  });
});

describe('a key', () => {
  const keys = `datasets:${TOKEN},datasets@orders:${ORDERS_TOKEN},detect:${DETECT_TOKEN}`;

  it('is wanted, has the scope, and runs the datasets that it names', async () => {
    const { start, get, records, runs } = await startApi({ PENSTOCK_API_KEYS: keys });
    const status = async (token: string, dataset: string): Promise<number> =>
      (await start({}, bearer(token), dataset)).statusCode;
    const none = await start();
    expect([none.statusCode, none.headers['www-authenticate']]).toEqual([401, 'Bearer']);
    expect(await status(`${TOKEN}x`, 'orders')).toBe(401);
    expect(await status(DETECT_TOKEN, 'orders')).toBe(403);
    expect([await status(TOKEN, 'orders'), await status(TOKEN, 'returns')]).toEqual([202, 202]);
    expect(await status(ORDERS_TOKEN, 'orders')).toBe(202);
    expect(runs.started).toHaveLength(3);
    const exists = vi.spyOn(records, 'exists');
    expect([await status(ORDERS_TOKEN, 'returns'), await status(ORDERS_TOKEN, 'invoices')]).toEqual([403, 403]);
    expect(exists, 'what else there is is none of its business').not.toHaveBeenCalled();
    expect((await get('/v1/datasets/returns/runs', bearer(ORDERS_TOKEN))).statusCode).toBe(403);
  });

  it('sees the runs and the datasets that it may run, and no others', async () => {
    const { get, runs } = await startApi({ PENSTOCK_API_KEYS: keys });
    runs.run('dataset/returns/api/a', {});
    expect((await get('/v1/runs/dataset/returns/api/a', bearer(TOKEN))).statusCode).toBe(200);
    const asked = runs.finds;
    expect((await get('/v1/runs/dataset/returns/api/a', bearer(ORDERS_TOKEN))).statusCode).toBe(403);
    expect(runs.finds).toBe(asked);
    const { datasets } = (await get('/v1/datasets', bearer(ORDERS_TOKEN))).json<{ datasets: { name: string }[] }>();
    expect(datasets.map(({ name }) => name)).toEqual(['orders']);
  });

  it('is never logged, and who has none reads no more than the contract', async () => {
    const { start, get, lines } = await startApi({ PENSTOCK_API_KEYS: keys });
    await start({}, bearer(TOKEN));
    await start({}, bearer(`${TOKEN}x`));
    expect(JSON.stringify(lines)).not.toContain(TOKEN);
    for (const url of ['/v1/datasets', '/v1/datasets/orders/runs', '/v1/runs/dataset/orders/api/a'])
      expect((await get(url)).statusCode, url).toBe(401);
    expect((await get('/v1/openapi.json')).statusCode).toBe(200);
  });
});
