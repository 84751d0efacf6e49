import { inputKey } from './fleetMember.js';
import type { LandedRow, Quarantined } from './oracle/index.js';
import { landed, shortSource, sortedRows } from './rig.js';

/** A run of a dataset of the fleet, as the tables tell it. */
export interface FleetRun {
  number: string;
  workflowId: string;
  status: string;
  trigger: string;
  /** ISO 8601, UTC. */
  logicalDate: string;
  read: number;
  loaded: number;
  duplicates: number;
  quarantined: number;
  failure: string;
  /** What it has read, in order; see inputKey. */
  inputs: string[];
  setAside: Quarantined[];
}

const OF_FLEET = String.raw`match(dataset, '^ds_\\d\\d$')`;
/** All runs of the fleet by dataset, each in the order of its turns. */
export async function fleetRuns(): Promise<Map<string, FleetRun[]>> {
  const records =
    await landed(`SELECT dataset, toString(number) AS number, workflow_id, toString(status) AS status, trigger,
    logical_date, inputs, read, loaded, quarantined, duplicates, failure
    FROM dataset_runs WHERE ${OF_FLEET} ORDER BY dataset, dataset_runs.number`);
  const inputs = await byRun(`SELECT dataset, toString(number) AS number, source, version, checksum
    FROM dataset_inputs FINAL WHERE ${OF_FLEET} ORDER BY dataset, dataset_inputs.number, input`);
  const aside = await byRun(
    `SELECT dataset, toString(number) AS number, source, line, reason, subject FROM quarantine WHERE ${OF_FLEET}`,
  );
  const runs = new Map<string, FleetRun[]>();
  for (const record of records) {
    const text = (name: string): string => String(record[name]);
    const count = (name: string): number => Number(record[name]);
    const key = runKey(record);
    const run: FleetRun = {
      ...{ number: text('number'), workflowId: text('workflow_id'), status: text('status'), trigger: text('trigger') },
      ...{ logicalDate: text('logical_date'), read: count('read'), loaded: count('loaded'), failure: text('failure') },
      ...{ duplicates: count('duplicates'), quarantined: count('quarantined') },
      // A try that was killed may have noted a page more than the one that counts.
      inputs: (inputs.get(key) ?? []).map(keyOfInput).slice(0, count('inputs')),
      setAside: sortedRows((aside.get(key) ?? []).map(asQuarantined)),
    };
    const name = text('dataset');
    runs.set(name, [...(runs.get(name) ?? []), run]);
  }
  return runs;
}

/** What each run has read that was published, by dataset. */
export async function publishedInputs(): Promise<Map<string, string[][]>> {
  const rows = await byRun(`SELECT dataset, toString(number) AS number, source, version, checksum
    FROM dataset_inputs FINAL WHERE ${OF_FLEET} AND (dataset, number) IN
      (SELECT dataset, number FROM dataset_runs WHERE ${OF_FLEET} AND status = 'published')`);
  const inputs = new Map<string, string[][]>();
  for (const [key, own] of rows) {
    const name = key.split(' ')[0] ?? '';
    inputs.set(name, [...(inputs.get(name) ?? []), own.map(keyOfInput)]);
  }
  return inputs;
}

async function byRun(sql: string): Promise<Map<string, LandedRow[]>> {
  const rows = new Map<string, LandedRow[]>();
  for (const row of await landed(sql)) {
    const key = runKey(row);
    const known = rows.get(key);
    if (known === undefined) rows.set(key, [row]);
    else known.push(row);
  }
  return rows;
}

function runKey({ dataset, number }: LandedRow): string {
  return `${String(dataset)} ${String(number)}`;
}

function keyOfInput({ source, version, checksum }: LandedRow): string {
  const isObject = String(source).startsWith('gs://');
  return inputKey(shortSource(String(source)), String(isObject ? version : checksum));
}

function asQuarantined({ source, line, reason, subject }: LandedRow): Quarantined {
  return {
    ...{ source: String(source), line: Number(line), subject: String(subject) },
    reason: reason as Quarantined['reason'],
  };
}

/** How many rows readers see of each dataset, at one moment. */
export async function fleetSizes(names: readonly string[]): Promise<Map<string, number>> {
  const rows = await landed(
    names.map((name) => `SELECT '${name}' AS dataset, count() AS size FROM ${name}`).join('\nUNION ALL\n'),
  );
  return new Map(rows.map(({ dataset, size }) => [String(dataset), Number(size)]));
}
