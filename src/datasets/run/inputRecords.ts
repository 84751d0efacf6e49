import type { DatasetRun } from '../../domain/index.js';
import type { Warehouse } from '../../warehouse/index.js';
import { literal } from '../tables/index.js';
import type { FileInput } from './inputs.js';
import { digits } from './names.js';

/** Inputs that are written, read or asked for in one statement. */
const ROWS = 1_000;
const TIMEOUT_MS = 60_000;
/** Half of the bytes that a statement may have, should each character be four. */
const MOST_LIST_CHARACTERS = 50_000;
const COLUMNS = ['dataset', 'number', 'plan', 'input', 'source', 'version', 'checksum', 'bytes'];

/** An input with its place in the run. */
export interface NumberedInput extends FileInput {
  input: number;
}

/** Writes what a run reads. Twice is harmless: the key is run, plan and place. */
export async function recordInputs(
  warehouse: Warehouse,
  { dataset, number }: DatasetRun,
  planId: string,
  inputs: readonly FileInput[],
  first = 0,
): Promise<void> {
  for (let at = 0; at < inputs.length; at += ROWS) {
    const rows = inputs
      .slice(at, at + ROWS)
      .map(({ source, version, checksum, bytes }, index) =>
        JSON.stringify([dataset, number, planId, first + at + index, source.toWellFormed(), version, checksum, bytes]),
      );
    await warehouse.insert({ table: 'dataset_inputs', columns: COLUMNS, rows, timeoutMs: TIMEOUT_MS });
  }
}

/** Forgets what earlier tries of a run's plan were going to read: nobody has read it, and it is as new as before. */
export async function forgetPlans(warehouse: Warehouse, { dataset, number }: DatasetRun): Promise<void> {
  const ofRun = `dataset = ${literal(dataset)} AND number = ${digits(number)}`;
  const known = await warehouse.query<{ plan: string }>(
    `SELECT DISTINCT plan FROM dataset_inputs WHERE ${ofRun} LIMIT 100`,
  );
  if (known.length === 0) return;
  const plans = known.map(({ plan }) => literal(plan)).join(', ');
  // By their names: a try that everybody took for dead does not take away what a later one wrote.
  await warehouse.command(`DELETE FROM dataset_inputs WHERE ${ofRun} AND plan IN (${plans})`);
}

/** Inputs of a plan from one place up to another, in order. */
export async function inputsOfPlan(
  warehouse: Warehouse,
  { dataset, number }: DatasetRun,
  planId: string,
  [from, to]: readonly [number, number],
): Promise<NumberedInput[]> {
  const rows = await warehouse.query<Omit<NumberedInput, 'bytes'> & { bytes: string }>(
    `SELECT input, source, version, checksum, bytes FROM dataset_inputs FINAL
     WHERE dataset = {dataset:String} AND number = ${digits(number)} AND plan = {planId:String}
       AND input >= {from:UInt32} AND input < {to:UInt32}
     ORDER BY input`,
    { dataset, planId, from, to },
  );
  return rows.map((row) => ({ ...row, bytes: Number(row.bytes) }));
}

/** SELECT of the names and numbers of inputs of a plan, as listed_source and listed_input: at least those that are given. */
export function listedInputs(
  { dataset, number }: Pick<DatasetRun, 'dataset' | 'number'>,
  planId: string,
  inputs: readonly number[],
): string {
  const [first, last] = [Math.min(...inputs), Math.max(...inputs)];
  return `SELECT source AS listed_source, input AS listed_input FROM dataset_inputs FINAL
    WHERE dataset = ${literal(dataset)} AND number = ${digits(number)} AND plan = ${literal(planId)}
      AND input BETWEEN ${first} AND ${last}`;
}

/** What a run that ended read: the files of its last plan, in order. */
export async function inputsOfRun(warehouse: Warehouse, dataset: string, number: string): Promise<FileInput[]> {
  const rows = await warehouse.query<Omit<FileInput, 'bytes'> & { bytes: string }>(
    `SELECT source, version, checksum, bytes FROM dataset_inputs FINAL
     WHERE dataset = {dataset:String} AND number = ${digits(number)} AND plan =
       (SELECT argMax(plan, at) FROM dataset_inputs WHERE dataset = {dataset:String} AND number = ${digits(number)})
     ORDER BY input LIMIT 100000`,
    { dataset },
  );
  return rows.map((row) => ({ ...row, bytes: Number(row.bytes) }));
}

/** Those that no published run has read in this content, in their order. */
export async function withoutTaken(
  warehouse: Warehouse,
  dataset: string,
  inputs: readonly FileInput[],
): Promise<FileInput[]> {
  const taken = new Set<string>();
  for (const sources of listsOf(inputs.map(({ source }) => literal(source)))) {
    const rows = await warehouse.query<{ source: string; checksum: string }>(
      `SELECT DISTINCT source, checksum FROM dataset_inputs
       WHERE dataset = {dataset:String} AND source IN (${sources}) AND number IN
         (SELECT publication FROM dataset_loads FINAL WHERE dataset = {dataset:String} AND status = 'published')`,
      { dataset },
    );
    for (const { source, checksum } of rows) taken.add(`${checksum} ${source}`);
  }
  return inputs.filter(({ source, checksum }) => !taken.has(`${checksum} ${source}`));
}

/** Lists that fit into a statement: ClickHouse reads 262,144 bytes of one. */
function listsOf(literals: readonly string[]): string[] {
  const lists: string[] = [];
  let list = '';
  for (const one of literals) {
    if (list.length + one.length > MOST_LIST_CHARACTERS) {
      lists.push(list);
      list = '';
    }
    list = list === '' ? one : `${list}, ${one}`;
  }
  return list === '' ? lists : [...lists, list];
}
