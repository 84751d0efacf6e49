import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseManifest } from '../manifest/parse.js';
import { proposeColumns } from './columns.js';
import { DatabaseError, openDatabase, type Database } from './database.js';
import { ProposalError } from './errors.js';
import { isParquet, textFormat, type FormatType } from './format.js';
import { proposeLayout } from './layout.js';
import { tableOfParquet } from './parquet.js';
import type { Proposal } from './proposal.js';
import { tableOfRecords } from './records.js';
import { firstBytes, MOST_SAMPLE_BYTES, takeText } from './sample.js';
import { tableOfSeparated } from './separated.js';
import { nameOf, sourceOf, type WantedSource } from './source.js';
import type { SampleTable } from './table.js';
import { writeManifest } from './write.js';

export interface ProposalRequest {
  /** A file on this machine. */
  sample: string;
  source: WantedSource;
  /** Default: by the name of the sample. */
  name?: string | undefined;
  /** Default: by its content. */
  format?: FormatType | undefined;
  /** Most rows that are looked at. Default: MOST_SAMPLE_ROWS. */
  rows?: number | undefined;
  /** Most bytes of a text that are looked at, after decompression. Default: MOST_SAMPLE_BYTES. */
  bytes?: number | undefined;
}

/** Rows that are looked at where nothing else is said. */
export const MOST_SAMPLE_ROWS = 100_000;

/**
 * Proposes the manifest of a dataset by looking at a sample of it. All values are read as texts, so that none is rounded
 * before its type is known. Throws ProposalError where the sample can't be read, or what was asked for can't be.
 */
export async function proposeManifest(request: ProposalRequest): Promise<Proposal> {
  const { sample } = request;
  const name = nameOf(request.name, sample);
  const source = sourceOf(request.source, sample);
  const folder = await mkdtemp(join(tmpdir(), 'penstock-sample-'));
  try {
    const db = await openDatabase(folder);
    try {
      const table = await tableOf(db, request, folder);
      const columns = await proposeColumns(db, table);
      const layout = await proposeLayout(db, columns, table.rows);
      const text = writeManifest({ name, sample: basename(sample), source, table, columns, layout });
      // What it says of itself has to be right by its own rules.
      parseManifest(text, `${name}.yaml`);
      const { format, rows, isWhole, notes } = table;
      return { name, text, format: format.type, rows, isWhole, columns, layout, notes };
    } finally {
      db.close();
    }
  } catch (error) {
    throw placed(error, sample);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function tableOf(db: Database, request: ProposalRequest, folder: string): Promise<SampleTable> {
  const { sample, source, rows = MOST_SAMPLE_ROWS, bytes = MOST_SAMPLE_BYTES } = request;
  const format = isParquet(await firstBytes(sample)) ? 'parquet' : request.format;
  if (request.format !== undefined && format !== request.format)
    throw new ProposalError(`Parquet, not ${request.format}`, { isMisuse: true });
  if (format === 'parquet' && source.type === 'http')
    throw new ProposalError('Parquet, which is read from objects and files only', { isMisuse: true });
  if (format === 'parquet') return tableOfParquet(db, sample, folder, rows);
  const text = await takeText(sample, folder, bytes);
  const type = format ?? textFormat(text.head, basename(sample));
  return type === 'csv' || type === 'tsv'
    ? tableOfSeparated(db, text, type, rows)
    : tableOfRecords(db, text, type, folder, rows);
}

/** With the sample in its message; what DuckDB can't do is no defect, as where memory does not do. */
function placed(error: unknown, sample: string): unknown {
  if (error instanceof DatabaseError) return new ProposalError(`${sample}: ${error.message}`, { cause: error });
  if (!(error instanceof ProposalError)) return error;
  return new ProposalError(`${sample}: ${error.message}`, { isMisuse: error.isMisuse, cause: error });
}
