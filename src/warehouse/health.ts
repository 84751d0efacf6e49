import type { Warehouse } from './warehouse.js';

/** How close the server is to refusing inserts, and how far rollups have come. */
export interface WarehouseHealth {
  /** Most active parts of one partition, by table: ClickHouse slows inserts down at 1,000 and refuses them at 3,000. */
  parts: Record<string, number>;
  /** By disk. */
  disks: Record<string, { freeBytes: number; totalBytes: number }>;
  /** Results stored before this are rolled up; milliseconds since the epoch, 0 before the first pass. */
  rolledUpMs: number;
}

/** Needs the right to read `system.parts` and `system.disks`. */
export async function readHealth(warehouse: Warehouse): Promise<WarehouseHealth> {
  const [parts, disks, [rolledUp]] = await Promise.all([
    warehouse.query<{ table: string; parts: string }>(
      `SELECT table, max(parts) AS parts FROM
         (SELECT table, partition, count() AS parts FROM system.parts
          WHERE active AND database = currentDatabase() GROUP BY table, partition)
       GROUP BY table ORDER BY table LIMIT 200`,
    ),
    warehouse.query<{ name: string; free: string; total: string }>(
      'SELECT name, free_space AS free, total_space AS total FROM system.disks ORDER BY name LIMIT 20',
    ),
    warehouse.query<{ ms: string }>(
      "SELECT toUnixTimestamp64Milli(max(watermark)) AS ms FROM rollup_watermarks WHERE name = 'images'",
    ),
  ]);
  return {
    parts: Object.fromEntries(parts.map(({ table, parts: count }) => [table, Number(count)])),
    disks: Object.fromEntries(
      disks.map(({ name, free, total }) => [name, { freeBytes: Number(free), totalBytes: Number(total) }]),
    ),
    rolledUpMs: Number(rolledUp?.ms ?? 0),
  };
}
