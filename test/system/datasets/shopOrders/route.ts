import type { ApiRoute } from '../api.js';
import { jsonText } from '../written/index.js';
import { answered } from './rules.js';
import type { ShopVersion } from './generate.js';

export const SHOP_ORDERS_PATH = '/v1/orders';

/** The API that datasets/shop_orders.yaml reads; `now` is what it holds when it is asked. */
export function shopOrdersRoute(token: string, now: () => ShopVersion): ApiRoute {
  return {
    token,
    records: (query) => {
      const since = Date.parse(query.get('updated_since') ?? '');
      if (Number.isNaN(since)) throw new RangeError(`updated_since is no time: ${query.get('updated_since')}`);
      return answered(now(), since).map(({ fields }) => jsonText(fields));
    },
    page: (records, next) =>
      `{"data":{"orders":[${records.join(',')}]},"meta":{"next":${JSON.stringify(next ?? null)}}}`,
  };
}
