import {
  asText,
  check,
  dayText,
  decimalText,
  fateOf,
  isoText,
  isoTime,
  required,
  setAside,
  uint64,
  type LandedRow,
  type Rules,
  type World,
} from '../oracle/index.js';
import type { TextFields } from '../written/index.js';

const PRODUCTS: Readonly<Record<string, { material: string; least_width: number }>> = {
  mug: { material: 'ceramics', least_width: 800 },
  poster: { material: 'paper', least_width: 2_000 },
  shirt: { material: 'cotton', least_width: 1_200 },
};

/** datasets/photo_orders.yaml. */
export const photoOrderRules: Rules<TextFields> = {
  dataset: 'photo_orders',
  columns: [
    ...['product', 'ordered_at', 'order_no', 'bucket', 'object', 'price', 'gift_until'],
    ...['width', 'height', 'seen', 'score', 'material', 'least_width'],
  ],
  mode: 'append',
  maxQuarantined: 0.4,
  land: (fields, world) => fateOf(() => order(fields, world)),
};

function order(fields: TextFields, { images, detections }: World): LandedRow {
  const text = (name: string): string | null => fields[name] || null;
  const own = {
    product: required('product', text('product'), (value) => value.trim().toLowerCase()),
    ordered_at: required('ordered_at', text('ordered_at'), (value) => {
      const ns = isoTime(value);
      return ns === undefined ? undefined : isoText(ns, 3);
    }),
    order_no: required('order_no', text('order_no'), uint64),
    bucket: required('bucket', text('bucket'), asText),
    object: required('object', text('object'), asText),
    price: required('price', text('price'), (value) => decimalText(value, 18, 2)),
    gift_until: dayText(text('gift_until') ?? '') ?? null,
  };
  const isOfPicture = (row: LandedRow): boolean => row['bucket'] === own.bucket && row['object'] === own.object;
  const picture = images.find(isOfPicture) ?? setAside('LOOKUP_MISSING', 'picture');
  const box = detections.find(isOfPicture);
  const product = PRODUCTS[own.product] ?? setAside('LOOKUP_MISSING', 'products');
  const [width, height] = [Number(picture['width']), Number(picture['height'])];
  check('picture_was_detected', width > 0);
  check('large_enough', width >= product.least_width);
  check('price', !own.price.startsWith('-'));
  check('object', /\.(jpg|png)$/.test(own.object));
  return { ...own, width, height, seen: box?.['class'] ?? null, score: box?.['score'] ?? null, ...product };
}
