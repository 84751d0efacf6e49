import type { DatasetFormat } from '../manifest/format.js';
import type { Cutter } from './cutter.js';
import { PieceDraft } from './draft.js';
import { JsonCutter } from './json.js';
import { NdjsonCutter } from './ndjson.js';
import { openAhead, type Inputs } from './openAhead.js';
import { cutParquet } from './parquet.js';
import type { Piece, Position } from './piece.js';
import { SeparatedCutter } from './separated.js';
import { openText } from './text.js';
import { Window } from './window.js';

export interface CutOptions {
  format: DatasetFormat;
  /** Of JSON: where the list of records is, keys with dots between them. Default: what the format says. */
  records?: string;
  /** Folder on this disk that the files of pieces are written to. */
  dir: string;
  /** `next` of an earlier piece. Default: the beginning. */
  from?: Position;
  /** Bytes of a piece's records, default 32 MiB. The last record may pass it. */
  maxBytes?: number;
  /** Records of a piece, default 250,000. */
  maxRecords?: number;
  /**
   * Records of all pieces together: behind them the cut ends, and opens no other input. Its last piece has a `next` then,
   * also where nothing comes. Default: all that there are.
   */
  limit?: number;
  /** Inputs that are opened while one before them is read, default 8. */
  ahead?: number;
  /** Stops with its reason. */
  signal?: AbortSignal;
}

type TextFormat = Exclude<DatasetFormat, { type: 'parquet' }>;

const MAX_BYTES = 33_554_432;
const MAX_RECORDS = 250_000;

/**
 * Cuts inputs into pieces of at most `maxRecords` records and about `maxBytes`. Small inputs share a piece, as long as
 * their columns are the same; a large one makes many, in constant memory. A cut that goes on at `next` of a piece gives
 * the records behind that piece, on the same lines.
 *
 * A piece's file is the caller's, to delete when it is staged; that of Parquet is the input's own. A piece is cut when it
 * is asked for: who wants it cut while the one before is staged asks for it before.
 *
 * Throws InputError for an input that can't be read to its end, and TypeError for a delimiter or a quote that is none.
 * Errors of `open` and of what it opened are thrown as they are.
 */
export async function* cutPieces(inputs: Inputs, options: CutOptions): AsyncGenerator<Piece, void, undefined> {
  const { format, maxRecords = MAX_RECORDS, limit = Infinity, from, signal } = options;
  if (format.type === 'parquet') yield* cutParquet(inputs, { maxRecords, limit, from, signal });
  else yield* cutTexts(inputs, format, options);
}

async function* cutTexts(
  inputs: Inputs,
  format: TextFormat,
  { dir, from, maxBytes = MAX_BYTES, maxRecords = MAX_RECORDS, limit = Infinity, ahead, signal, records }: CutOptions,
): AsyncGenerator<Piece, void, undefined> {
  const kind = format.type === 'csv' || format.type === 'tsv' ? 'separated' : 'json';
  const window = new Window(signal);
  const spare: Buffer[] = [];
  let draft: PieceDraft | undefined;
  let left = limit;
  try {
    for await (const { index, input } of openAhead(inputs, { first: from?.input ?? 0, ahead, signal })) {
      const start = from?.input === index && from.byte > 0 ? from : undefined;
      const encoding = 'encoding' in format ? format.encoding : 'auto';
      window.open(await openText(input, { compression: format.compression, encoding }, start?.byte ?? 0));
      const cutter = await cutterOf(window, input.source, format, records, start);
      for (;;) {
        draft ??= new PieceDraft({ dir, kind, maxBytes, maxRecords: Math.min(maxRecords, left), spare });
        if ((await cutter.fill(draft)) === 'end') break;
        const piece = await draft.close({ input: index, ...cutter.position() });
        draft = undefined;
        left -= piece.read;
        yield piece;
        if (left <= 0) return;
      }
      await window.close();
      // Whether another input comes is not asked: it would be opened for that.
      if (draft.read >= left) {
        const piece = await draft.close({ input: index + 1, byte: 0, line: 1 });
        draft = undefined;
        yield piece;
        return;
      }
    }
    if (draft !== undefined && draft.read > 0) {
      const piece = await draft.close(undefined);
      draft = undefined;
      yield piece;
    }
  } finally {
    await window.close();
    await draft?.discard();
  }
}

async function cutterOf(
  window: Window,
  source: string,
  format: TextFormat,
  records: string | undefined,
  start: Position | undefined,
): Promise<Cutter> {
  switch (format.type) {
    case 'csv':
    case 'tsv':
      return SeparatedCutter.open(window, source, format, start);
    case 'ndjson':
      return new NdjsonCutter(window, source, start?.line ?? 1);
    case 'json':
      return JsonCutter.open(window, source, records ?? format.records, start?.line);
  }
}
