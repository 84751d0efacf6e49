import type { DatasetFormat } from '../manifest/format.js';
import { readJsonLines, readSeparated } from '../records/index.js';
import type { Piece } from '../records/piece.js';
import type { DescribedColumn, Session } from './engine.js';
import { StagingError } from './errors.js';
import { identifier, literal } from './sql.js';

/** What a piece has of columns; pieces of one shape are staged by one plan. */
export type SourceShape =
  | { kind: 'separated'; columns: readonly string[]; format: DatasetFormat }
  | { kind: 'json' }
  | { kind: 'parquet'; columns: readonly DescribedColumn[] };

/** Name of the number of a record, from 0. */
export const RECORD = identifier('#record');
/** Name of the date that the run is for. */
export const LOGICAL_DATE_NAME = identifier('#logical_date');
/** Name of a record of JSON as its text. */
export const JSON_TEXT = identifier('#json');

export async function shapeOf(piece: Piece, format: DatasetFormat, session: Session): Promise<SourceShape> {
  if (piece.kind === 'separated') return { kind: 'separated', columns: piece.columns, format };
  if (piece.kind === 'json') return { kind: 'json' };
  const columns = await session.describe(`SELECT * FROM read_parquet(${literal(piece.path)})`);
  return { kind: 'parquet', columns };
}

/** Tells shapes apart. */
export function keyOf(shape: SourceShape): string {
  if (shape.kind === 'json') return 'json';
  if (shape.kind === 'separated') return JSON.stringify(['separated', shape.columns]);
  return JSON.stringify(['parquet', shape.columns.map(({ name, type }) => [name, type.toString()])]);
}

/** The columns of a source that has a header; undefined for JSON, where each record has its own. */
export function columnsOf(shape: SourceShape): string[] | undefined {
  if (shape.kind === 'json') return undefined;
  return shape.kind === 'separated' ? [...shape.columns] : shape.columns.map(({ name }) => name);
}

/** The first layer of the pipeline: the records of a piece. */
export function recordsOf(piece: Piece, shape: SourceShape, logicalDate: Date): string {
  const date = `TIMESTAMP ${literal(logicalDate.toISOString().replace('T', ' ').replace('Z', ''))} AS ${LOGICAL_DATE_NAME}`;
  const number = `row_number() OVER () - 1 AS ${RECORD}`;
  if (piece.kind === 'json')
    return `SELECT ${number}, ${date}, record AS ${JSON_TEXT} FROM ${readJsonLines(piece.path)}`;
  if (piece.kind === 'separated') {
    // Positions in place of names: names of a header may be any, twice, or differ in capitals alone.
    const names = piece.columns.map((_, index) => `#s${index}`);
    const format = shape.kind === 'separated' ? shape.format : undefined;
    if (format?.type !== 'csv' && format?.type !== 'tsv')
      throw new StagingError('a separated piece is staged with a separated shape');
    return `SELECT ${number}, ${date}, * FROM ${readSeparated(piece.path, names, format)}`;
  }
  const columns = shape.kind === 'parquet' ? shape.columns : [];
  const named = columns.map(({ name }, index) => `${identifier(name)} AS ${identifier(`#s${index}`)}`);
  const from = `read_parquet(${literal(piece.path)}, file_row_number = true)`;
  const rows = `file_row_number >= ${piece.firstRow} AND file_row_number < ${piece.firstRow + piece.records}`;
  return `SELECT ${[`file_row_number - ${piece.firstRow} AS ${RECORD}`, date, ...named].join(', ')} FROM ${from} WHERE ${rows}`;
}
