import { parseManifest, type Manifest } from '../../../../src/datasets/index.js';

/** A manifest of one column; `more` is further YAML of it. */
export function ordersManifest(more = ''): Manifest {
  return parseManifest(
    `version: penstock/v1
name: orders
source: { type: files, folder: /exports, match: ['*.csv'] }
format: { type: csv }
columns: [{ name: id, type: UInt32 }]
target: { mode: append, orderBy: [id], key: [id] }
${more}`,
    'orders.yaml',
  ).manifest;
}
