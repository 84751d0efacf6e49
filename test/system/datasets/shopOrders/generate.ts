import { countFaults, dealFaults, Random } from '../random.js';
import { customerNo, DAY_MS, HOUR_MS, isoMs, LASTING_CUSTOMERS, MINUTE_MS, START_MS, type Scale } from '../scale.js';
import { JsonNumber, type JsonObject } from '../written/index.js';

/** Shares of the new orders of a version. */
export const SHOP_ORDER_FAULTS = {
  'id beyond 64 bits': 0.01,
  'no customer': 0.01,
  'a tenth of a cent': 0.01,
  'tax above the total': 0.01,
  'unknown status': 0.01,
  'no time': 0.01,
  'half an item': 0.01,
} as const;
type Fault = keyof typeof SHOP_ORDER_FAULTS;

/** An order as the API tells it. */
export interface ApiOrder {
  /** By the shop's clock: what it filters and sorts by. */
  updatedMs: number;
  body: JsonObject;
}

/** All that the API holds at a time, in its order: by updatedMs. */
export interface ShopVersion {
  orders: readonly ApiOrder[];
  faults: Record<string, number>;
}

/** Of an hour that the manifest reads again: so late may an order come and be found. */
const LATEST_MS = 50 * MINUTE_MS;
/** Beyond 2^53, so that a reader with doubles takes neighbours for one. */
const FIRST_ID = 9_007_199_254_740_993n;

/**
 * What the API holds a day after the other. Each day brings new orders; some of them come twice in one listing, the second
 * time with a newer status (`repeated`). From the second day on some orders of before have changed (`corrected`), and some
 * come that are older than the newest of the day before (`late`).
 */
export function generateShopOrders(seed: number, scale: Scale = {}): ShopVersion[] {
  const { versions = 3, rows = 400, startMs = START_MS } = scale;
  const random = new Random(seed);
  const shop = new Shop(random);
  return Array.from({ length: versions }, (_, version) => shop.day(startMs + version * DAY_MS, rows, version > 0));
}

interface Order extends ApiOrder {
  isGood: boolean;
}

class Shop {
  #orders: Order[] = [];
  #id = FIRST_ID;

  constructor(private readonly random: Random) {}

  day(fromMs: number, rows: number, hasBefore: boolean): ShopVersion {
    const random = this.random;
    const dealt = dealFaults(random, rows, SHOP_ORDER_FAULTS);
    const faults = countFaults(dealt);
    const count = (what: string): void => {
      faults[what] = (faults[what] ?? 0) + 1;
    };
    const before = this.#orders;
    const added: Order[] = dealt.map((fault, at) => this.#order(fromMs + (at * 12 * HOUR_MS) / rows, fault));
    const lastMs = fromMs + 13 * HOUR_MS;
    const later = (): number => random.whole(fromMs + HOUR_MS, lastMs - MINUTE_MS);
    for (const order of added.filter(({ isGood }) => isGood && random.chance(0.03))) {
      added.push(changed(order, 'paid', random.whole(order.updatedMs + 1, lastMs - 1)));
      count('repeated');
    }
    if (hasBefore) {
      const newestMs = Math.max(...before.map(({ updatedMs }) => updatedMs));
      for (let left = Math.ceil(rows * 0.02); left > 0; left -= 1) {
        added.push(this.#order(newestMs - random.whole(MINUTE_MS, LATEST_MS), undefined, 0));
        count('late');
      }
    }
    this.#orders = before.map((order) => {
      if (!order.isGood || !random.chance(0.05)) return order;
      count('corrected');
      return changed(order, 'shipped', later());
    });
    // The newest of all is a good one, so that the next run begins there whatever is made of the others.
    added.push(this.#order(lastMs, undefined, 0));
    this.#orders = [...this.#orders, ...added].sort((a, b) => a.updatedMs - b.updatedMs);
    return { orders: this.#orders.map(({ updatedMs, body }) => ({ updatedMs, body })), faults };
  }

  #order(placedMs: number, fault: Fault | undefined, changesWithinMs = 5 * MINUTE_MS): Order {
    const random = this.random;
    const placed = Math.floor(placedMs);
    const updatedMs = placed + random.whole(0, changesWithinMs);
    this.#id += BigInt(random.whole(1, 3));
    const cents = random.whole(100, 99_999);
    const total = `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
    const body: JsonObject = {
      id: this.#id,
      placed_at: isoMs(placed),
      updated_at: isoMs(updatedMs),
      status: random.pick(['new', ' Paid ', 'SHIPPED', 'canceled', 'returned']),
      // One in fifty is of someone whom the customers do not know.
      customer: { number: customerNo(random.chance(0.02) ? 800_000 : random.whole(0, LASTING_CUSTOMERS + 120)) },
      shipping: { country: random.pick(['de', 'AT', ' ch ', 'PL']), zip: '50667' },
      total: random.chance(0.5) ? total : new JsonNumber(total),
      ...(random.chance(0.1) ? {} : { tax: new JsonNumber('0.16') }),
      items: BigInt(random.whole(1, 12)),
      coupons: random.pick([[], ['SPRING'], ['Ä "quoted" one', 'a, b'], ['x', 'x']]),
      note: 'not in the manifest',
    };
    return { updatedMs, body: fault === undefined ? body : faulty(body, fault), isGood: fault === undefined };
  }
}

function changed(order: Order, status: string, updatedMs: number): Order {
  return { ...order, updatedMs, body: { ...order.body, status, updated_at: isoMs(updatedMs) } };
}

function faulty(body: JsonObject, fault: Fault): JsonObject {
  switch (fault) {
    case 'id beyond 64 bits':
      return { ...body, id: 2n ** 64n };
    case 'no customer':
      return { ...body, customer: null };
    case 'a tenth of a cent':
      return { ...body, total: '19.999' };
    case 'tax above the total':
      return { ...body, tax: '1000.00' };
    case 'unknown status':
      return { ...body, status: 'lost' };
    case 'no time':
      return { ...body, placed_at: null };
    case 'half an item':
      return { ...body, items: new JsonNumber('1.5') };
  }
}
