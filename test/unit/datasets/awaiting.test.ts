import { expect, it } from 'vitest';
import { datasetsAwaiting, parseManifest } from '../../../src/datasets/index.js';

/** A manifest of a dataset that reads so. */
function manifest(name: string, source: string) {
  return parseManifest(
    `version: penstock/v1
name: ${name}
source: ${source}
format: { type: csv }
columns: [{ name: id, type: String, required: true }]
target: { mode: append, key: [id], orderBy: [id] }
`,
    `${name}.yaml`,
  ).manifest;
}

const MANIFESTS = [
  manifest(
    'orders',
    '{ type: objects, bucket: shop-bucket, match: ["orders/*.csv", "late/**/*.csv"], onUpload: true }',
  ),
  manifest('all_of_it', '{ type: objects, bucket: shop-bucket, match: ["**"], onUpload: true }'),
  manifest('by_schedule', '{ type: objects, bucket: shop-bucket, match: ["**"] }'),
  manifest('of_a_folder', '{ type: files, folder: /data, match: ["**"] }'),
];

it.each<[string, string, string[]]>([
  ['shop-bucket', 'orders/1.csv', ['orders', 'all_of_it']],
  ['shop-bucket', 'late/2026/11/1.csv', ['orders', 'all_of_it']],
  ['shop-bucket', 'orders/deeper/1.csv', ['all_of_it']],
  ['shop-bucket', 'orders/1.csv.gz', ['all_of_it']],
  ['other-bucket', 'orders/1.csv', []],
])('an upload of %s/%s is awaited by %j', (bucket, object, datasets) => {
  expect(datasetsAwaiting(MANIFESTS, [{ bucket, object }])).toEqual(datasets);
});

it('tells a dataset once of many uploads', () => {
  const uploads = ['orders/1.csv', 'orders/2.csv', 'x'].map((object) => ({ bucket: 'shop-bucket', object }));
  expect(datasetsAwaiting(MANIFESTS, uploads)).toEqual(['orders', 'all_of_it']);
});
