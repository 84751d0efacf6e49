import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import type { Enrichment } from '../manifest/columns.js';
import { shownText } from './cleaning.js';
import type { Fault, PlannedColumn } from './columns.js';
import type { Session } from './engine.js';
import { StagingError } from './errors.js';
import { textOf } from './parquetText.js';
import { hashed } from './personal.js';
import { Pipeline } from './pipeline.js';
import { refuseNanoseconds } from './records.js';
import { all, identifier, literal } from './sql.js';
import type { Lookup } from './staged.js';
import { familyOf } from './types/index.js';

/** A lookup in the pipeline. */
export interface PlannedLookup {
  faults: Fault[];
  /** Texts of the columns that it fills, by their names. */
  taken: Map<string, string>;
  /** Puts what is known of the keys of a piece beside its rows: needed before the pipeline runs. */
  fetch(source: string, session: Session, dir: string, lookup: Lookup): Promise<void>;
}

/** Joins what a lookup knows of the rows' keys. Columns that it fills come after. */
export async function planLookup(
  enrichment: Enrichment,
  index: number,
  columns: ReadonlyMap<string, PlannedColumn>,
  pipeline: Pipeline,
  session: Session,
): Promise<PlannedLookup> {
  const { name, on, take, missing, several } = enrichment;
  const table = identifier(`#lookup_${index}`);
  const keys = Object.entries(on).map(([column, of], place) => {
    const planned = columns.get(column);
    if (planned === undefined)
      throw new StagingError(`enrich ${name}: ${column} is computed after lookups, and can't be its key`);
    return { planned, of, sql: keyOf(planned, 'rows' in enrichment.lookup), column: `#l${index}_k${place}` };
  });
  const takes = Object.entries(take).map(([column, of], place) => ({ column, of, name: `#l${index}_t${place}` }));
  const matches = `#l${index}_n`;
  const before = pipeline.snapshot();
  pipeline.join({
    table,
    on: keys.map(({ sql, column }) => ({ sql, column })),
    columns: [...takes.map((one) => one.name), matches],
  });
  const keyColumns = keys.map(({ column }) => identifier(column));
  const takeColumns = takes.map((one) => identifier(one.name));

  /** `rows` gives each match of each key; of several the least by all that is taken. */
  const create = async (rows: string, on: Session): Promise<void> => {
    const partition = `PARTITION BY ${keyColumns.join(', ')}`;
    const order =
      takeColumns.length === 0 ? '' : ` ORDER BY ${takeColumns.map((one) => `${one} NULLS LAST`).join(', ')}`;
    const ranked = `SELECT *, count(*) OVER (${partition}) AS ${identifier(matches)}, row_number() OVER (${partition}${order}) AS "#rank" FROM (${rows})`;
    await on.run(
      `CREATE OR REPLACE TEMP TABLE ${table} AS SELECT * EXCLUDE ("#rank") FROM (${ranked}) WHERE "#rank" = 1`,
    );
  };

  const literalRows =
    'rows' in enrichment.lookup ? await rowsOf(enrichment.lookup.rows, enrichment, keys, takes, session) : undefined;
  return {
    faults: faultsOf(name, missing, several, identifier(matches), pipeline),
    taken: new Map(takes.map((one) => [one.column, identifier(one.name)])),
    async fetch(source, on, dir, lookup) {
      if (literalRows !== undefined) {
        await create(literalRows, on);
        return;
      }
      const keysPath = join(dir, `${randomUUID()}.parquet`);
      const answerPath = join(dir, `${randomUUID()}.parquet`);
      try {
        const select = `SELECT DISTINCT ${keys.map(({ sql }, place) => `${sql} AS k${place}`).join(', ')} FROM (${before(source)}) WHERE ${all(keys.map(({ sql }) => `${sql} IS NOT NULL`))}`;
        const types = (await on.describe(select)).map(({ type }) => type.toString());
        const count = await on.copy(select, keysPath, 'FORMAT parquet');
        if (count > 0) await lookup({ name, keysPath, answerPath });
        await create(
          count > 0
            ? await answerOf(answerPath, name, types, keyColumns, takeColumns, on)
            : nothingOf(types, keyColumns, takeColumns),
          on,
        );
      } finally {
        await rm(keysPath, { force: true });
        await rm(answerPath, { force: true });
      }
    },
  };
}

/** What other datasets know a person by is the hash, which is all that lands. */
function keyOf({ column, family, value }: PlannedColumn, isPlain: boolean): string {
  return column.personal === 'hash' && !isPlain ? hashed(value) : family.carried(value);
}

function faultsOf(
  name: string,
  missing: Enrichment['missing'],
  several: Enrichment['several'],
  matches: string,
  pipeline: Pipeline,
): Fault[] {
  const faults: Fault[] = [];
  const told = (condition: string, sentence: string): void => {
    faults.push({ sql: pipeline.name(`CASE WHEN ${condition} THEN ${literal(sentence)} END`), subject: name });
  };
  if (missing === 'quarantine') told(`${matches} IS NULL`, `LOOKUP_MISSING ${name}: it knows nothing of the row`);
  if (several === 'fail') told(`${matches} > 1`, `!LOOKUP_SEVERAL ${name}: it has more than one match of the row`);
  return faults;
}

/** The rows of a manifest, with keys that are read as the columns that they are compared with. */
async function rowsOf(
  rows: readonly Readonly<Record<string, string | number | boolean | null>>[],
  { name }: Enrichment,
  keys: readonly { planned: PlannedColumn; of: string; column: string }[],
  takes: readonly { of: string; name: string }[],
  session: Session,
): Promise<string> {
  const text = (place: number): string => identifier(`#v${place}`);
  const fields = [...keys, ...takes].map(({ of }) => of);
  const values = rows.map((row) => {
    const cells = fields
      .map((field) => row[field] ?? null)
      .map((cell) => (cell === null ? 'NULL' : literal(String(cell))));
    return `(${cells.map((cell) => `CAST(${cell} AS VARCHAR)`).join(', ')})`;
  });
  const source = `SELECT * FROM (VALUES ${values.join(', ')}) AS v(${fields.map((_, place) => text(place)).join(', ')})`;
  const pipeline = new Pipeline();
  const read = keys.map(({ planned, column }, place) => {
    const family = familyOf(planned.type);
    const { value, why } = family.read(text(place), shownText(text(place)), pipeline);
    return {
      why,
      isBad: `${text(place)} IS NOT NULL AND ${value} IS NULL`,
      sql: `${family.carried(value)} AS ${identifier(column)}`,
    };
  });
  for (const { isBad, why } of read) {
    const wrong = await session.value(`SELECT ${why} FROM (${pipeline.sql(source)}) WHERE ${isBad} LIMIT 1`);
    if (wrong !== null) throw new StagingError(`enrich ${name}: rows: ${String(wrong)}`);
  }
  const taken = takes.map((one, place) => `${text(keys.length + place)} AS ${identifier(one.name)}`);
  return `SELECT ${[...read.map(({ sql }) => sql), ...taken].join(', ')} FROM (${pipeline.sql(source)})`;
}

/** Keys as they were given, and what is taken as texts. */
async function answerOf(
  path: string,
  name: string,
  types: readonly string[],
  keys: readonly string[],
  takes: readonly string[],
  session: Session,
): Promise<string> {
  await stat(path).catch((error: unknown) => {
    throw new StagingError(`enrich ${name}: the lookup gave no answer`, { cause: error });
  });
  await refuseNanoseconds(path, `enrich ${name}`, session);
  const from = `read_parquet(${literal(path)}, binary_as_string = true)`;
  const columns = new Map(
    (await session.describe(`SELECT * FROM ${from}`)).map((column) => [column.name, column.type]),
  );
  const columnOf = (column: string): string => {
    if (!columns.has(column)) throw new StagingError(`enrich ${name}: the answer has no column ${column}`);
    return identifier(column);
  };
  const keySql = keys.map((key, place) => `CAST(${columnOf(`k${place}`)} AS ${types[place] ?? ''}) AS ${key}`);
  const takeSql = takes.map((take, place) => {
    const column = columnOf(`t${place}`);
    const type = columns.get(`t${place}`);
    return `${type === undefined ? column : textOf(column, type, 'utc')} AS ${take}`;
  });
  return `SELECT ${[...keySql, ...takeSql].join(', ')} FROM ${from}`;
}

function nothingOf(types: readonly string[], keys: readonly string[], takes: readonly string[]): string {
  const keySql = keys.map((key, place) => `CAST(NULL AS ${types[place] ?? ''}) AS ${key}`);
  const takeSql = takes.map((take) => `CAST(NULL AS VARCHAR) AS ${take}`);
  return `SELECT ${[...keySql, ...takeSql].join(', ')} WHERE false`;
}
