import type { Warehouse } from './warehouse.js';

/** How close the server is to refusing inserts, and how far rollups have come. */
export interface WarehouseHealth {
  /** Most active parts of one partition, by table: ClickHouse slows inserts down at 1,000 and refuses them at 3,000. */
  parts: Record<string, number>;
  /** By disk. */
  disks: Record<string, { freeBytes: number; totalBytes: number }>;
  /** Results stored before this are rolled up; milliseconds since the epoch, 0 before the first pass. */
  rolledUpMs: number;
  /** Tables that could not be asked, and why: what they tell is left out above. */
  untold: { table: string; error: unknown }[];
}

/** Needs the right to read `system.parts` and `system.disks`; without one of them it tells the rest. */
export async function readHealth(warehouse: Warehouse): Promise<WarehouseHealth> {
  const untold: WarehouseHealth['untold'] = [];
  const ask = async <Row>(table: string, sql: string): Promise<Row[]> => {
    try {
      return await warehouse.query<Row>(sql);
    } catch (error) {
      untold.push({ table, error });
      return [];
    }
  };
  const [parts, disks, [rolledUp]] = await Promise.all([
    ask<{ table: string; parts: string }>(
      'system.parts',
      `SELECT table, max(parts) AS parts FROM
         (SELECT table, partition, count() AS parts FROM system.parts
          WHERE active AND database = currentDatabase() GROUP BY table, partition)
       GROUP BY table ORDER BY table LIMIT 200`,
    ),
    ask<{ name: string; free: string; total: string }>(
      'system.disks',
      'SELECT name, free_space AS free, total_space AS total FROM system.disks ORDER BY name LIMIT 20',
    ),
    ask<{ ms: string }>(
      'rollup_watermarks',
      "SELECT toUnixTimestamp64Milli(max(watermark)) AS ms FROM rollup_watermarks WHERE name = 'images'",
    ),
  ]);
  return {
    parts: Object.fromEntries(parts.map(({ table, parts: count }) => [table, Number(count)])),
    disks: Object.fromEntries(
      disks.map(({ name, free, total }) => [name, { freeBytes: Number(free), totalBytes: Number(total) }]),
    ),
    rolledUpMs: Number(rolledUp?.ms ?? 0),
    untold,
  };
}
