import { afterEach, expect, test } from 'vitest';
import {
  answered,
  generateShopOrders,
  SHOP_ORDERS_PATH,
  shopOrdersRoute,
  startApi,
  type Api,
} from '../../../system/datasets/index.js';
import { textOf } from '../../../system/datasets/written/index.js';

const VERSIONS = generateShopOrders(3, { versions: 2, rows: 250 });
const [FIRST = { orders: [], faults: {} }, SECOND = FIRST] = VERSIONS;
const SINCE = new Date(Math.min(...FIRST.orders.map(({ updatedMs }) => updatedMs))).toISOString();

let api: Api | undefined;

afterEach(() => api?.close());

interface ShopPage {
  data: { orders: { updated_at: string }[] };
  meta: { next: string | null };
}

function ask(url: string, cursor: string | null, token = 'let me in', since = SINCE): Promise<Response> {
  const query = new URLSearchParams({ updated_since: since, limit: '100', ...(cursor === null ? {} : { cursor }) });
  return fetch(`${url}${SHOP_ORDERS_PATH}?${query.toString()}`, { headers: { authorization: `Bearer ${token}` } });
}

/** All pages, each asked for until it comes. */
async function pages(url: string, since = SINCE): Promise<string[][]> {
  const found: string[][] = [];
  let cursor: string | null = null;
  for (let tries = 0; tries < 200; tries += 1) {
    const page: ShopPage | undefined = await ask(url, cursor, 'let me in', since)
      .then((response) => (response.ok ? (response.json() as Promise<ShopPage>) : undefined))
      .catch(() => undefined);
    if (page === undefined) continue;
    found.push(page.data.orders.map((order) => order.updated_at));
    cursor = page.meta.next;
    if (cursor === null) return found;
  }
  throw new Error('no end');
}

test('a flaky API gives every order once to who asks again, in the pages that the oracle says', async () => {
  api = await startApi({ seed: 5, flaky: 0.4 });
  api.routes.set(
    SHOP_ORDERS_PATH,
    shopOrdersRoute('let me in', () => FIRST),
  );
  const found = (await pages(api.url)).flatMap((page, at) =>
    page.map((order, index) => `#page=${at + 1} ${index + 1} ${order}`),
  );
  expect(found).toEqual(
    answered(FIRST, 0).map(({ source, line, fields }) => `${source} ${line} ${textOf(fields['updated_at'] ?? null)}`),
  );
  const bad = [503, 429, 0].map((status) => api?.answers.get(status) ?? 0);
  expect(bad.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
});

test('who asks since a time is told what changed from then on, of what there is now', async () => {
  api = await startApi({ seed: 5 });
  let now = FIRST;
  api.routes.set(
    SHOP_ORDERS_PATH,
    shopOrdersRoute('let me in', () => now),
  );
  const middle = FIRST.orders[100]?.updatedMs ?? 0;
  const since = new Date(middle).toISOString();
  expect((await pages(api.url, since)).flat()).toHaveLength(answered(FIRST, middle).length);
  now = SECOND;
  expect((await pages(api.url, since)).flat()).toHaveLength(answered(SECOND, middle).length);
});

test('who does not know the token, or the path, is told nothing', async () => {
  api = await startApi({ seed: 5 });
  api.routes.set(
    SHOP_ORDERS_PATH,
    shopOrdersRoute('let me in', () => FIRST),
  );
  expect([(await ask(api.url, null, 'wrong')).status, (await fetch(`${api.url}/v1/other`)).status]).toEqual([401, 404]);
});
