import { createHmac } from 'node:crypto';
import type { LandedRow, Table, World } from './oracle/index.js';

/** HMAC-SHA256 in hex, by a key of the test. */
export function keyedHash(key: string): (text: string) => string {
  return (text) => createHmac('sha256', key).update(text).digest('hex');
}

/** What a run sees of other tables; nothing where it is not told. */
export function worldOf(
  told: { hash: World['hash'] } & Partial<Pick<World, 'images' | 'detections'>>,
  tables: Readonly<Record<string, Table>> = {},
): World {
  const rows = Object.entries(tables).map(([name, table]): [string, LandedRow[]] => [
    name,
    table.rows.map(({ row }) => row),
  ]);
  return { images: [], detections: [], ...told, tables: Object.fromEntries(rows) };
}
