import { landing } from '../manifest/columns.js';
import { isNullable, parseColumnType } from '../manifest/columnType.js';
import type { Manifest } from '../manifest/schema.js';
import { StagingError } from './errors.js';
import { familyOf } from './types/index.js';

/**
 * How a staged Parquet file is put into ClickHouse:
 * `INSERT INTO staging (<columns>) SELECT <select> FROM input('<structure>') FORMAT Parquet`.
 */
export interface RowStructure {
  /** Columns of the table that are filled, unquoted; the last two are _source and _line. */
  columns: string[];
  /** Columns of the file with types of ClickHouse. No quote stands in it. */
  structure: string;
  /**
   * What of them goes into each column of the table. Texts of UUIDs, addresses, enums, fixed strings and 128 bits are cast
   * by the insert to the type of the column. Nothing here can fail on a row that landed.
   */
  select: string[];
}

/** `evolved` are the columns that the table was given since, as in the request of the staging. */
export function rowStructure({ columns }: Manifest, evolved: readonly string[] = []): RowStructure {
  const landed = landing(columns);
  const parts = landed.map(({ name, type: written }, index) => {
    const type = parseColumnType(written);
    if (type === undefined) throw new StagingError(`${name}: there is no type ${written}`);
    const { structure, select } = familyOf(type);
    const column = `c${index}`;
    return {
      structure: `${column} ${isNullable(type) ? `Nullable(${structure})` : structure}`,
      select: select(column),
    };
  });
  const more = evolved.map((_, index) => `c${landed.length + index}`);
  return {
    columns: [...landed.map(({ name }) => name), ...evolved, '_source', '_line'],
    structure: [
      ...parts.map(({ structure }) => structure),
      ...more.map((column) => `${column} Nullable(String)`),
      '_source String',
      '_line UInt64',
    ].join(', '),
    select: [...parts.map(({ select }) => select), ...more, '_source', '_line'],
  };
}
