import type { Warehouse } from './warehouse.js';

/** A pin that is not as it was: the version in `name@hash`, or '' where it was taken away. */
export interface PinChange {
  name: string;
  model: string;
}

/**
 * Brings the pinned versions in the database in line with `pins` (name of a model to hash). Views follow at once, rollups
 * with their next pass. Nothing is written where nothing differs; returns what does.
 */
export async function setModelPins(warehouse: Warehouse, pins: ReadonlyMap<string, string>): Promise<PinChange[]> {
  const stored = await warehouse.query<PinChange>('SELECT name, model FROM model_pins FINAL');
  const before = new Map(stored.map(({ name, model }) => [name, model]));
  const wanted = new Map([...before.keys()].map((name) => [name, '']));
  for (const [name, hash] of pins) wanted.set(name, `${name}@${hash}`);
  const changes = [...wanted]
    .map(([name, model]) => ({ name, model }))
    .filter(({ name, model }) => (before.get(name) ?? '') !== model);
  for (const { name, model } of changes) {
    // Later than any change of the name before, also by a clock that was set back.
    await warehouse.command(
      `INSERT INTO model_pins SELECT {name:String}, {model:String},
         greatest(now64(3), max(changed_at) + INTERVAL 1 MILLISECOND) FROM model_pins WHERE name = {name:String}`,
      { name, model },
    );
  }
  return changes;
}

/** Pins that the rollups have not followed yet. */
export interface UnfollowedPins {
  /** Name of the model to when its pin was changed, milliseconds since the epoch. */
  changes: Map<string, number>;
  /** Hours where the pin decides between versions, milliseconds since the epoch, in order. */
  hours: number[];
}

export async function unfollowedPins(warehouse: Warehouse): Promise<UnfollowedPins> {
  const rows = await warehouse.query<{ name: string; ms: string }>(
    `SELECT name, toUnixTimestamp64Milli(changed_at) AS ms FROM model_pins FINAL
     WHERE (concat('pin/', name), changed_at) NOT IN (SELECT name, max(watermark) FROM rollup_watermarks GROUP BY name)`,
  );
  const changes = new Map(rows.map(({ name, ms }) => [name, Number(ms)]));
  if (changes.size === 0) return { changes, hours: [] };
  const hours = await warehouse.query<{ hour: number }>(
    'SELECT DISTINCT toUnixTimestamp(hour) AS hour FROM contested_hours WHERE name IN {names:Array(String)} ORDER BY hour',
    { names: [...changes.keys()] },
  );
  return { changes, hours: hours.map(({ hour }) => hour * 1000) };
}

/** Remembers that the rollups are computed with these pins, or later ones. The latest wins. */
export async function followedPins(warehouse: Warehouse, { changes }: UnfollowedPins): Promise<void> {
  for (const [name, ms] of changes) {
    await warehouse.command(
      "INSERT INTO rollup_watermarks SELECT concat('pin/', {name:String}), fromUnixTimestamp64Milli({ms:Int64}, 'UTC')",
      { name, ms },
    );
  }
}
