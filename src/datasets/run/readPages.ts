import { Readable } from 'node:stream';
import type { DatasetPlan, DatasetPosition, DatasetRun } from '../../domain/index.js';
import { fetchPages, type Page, type PagePosition } from '../http/index.js';
import type { DatasetSource } from '../manifest/source.js';
import { cutPieces, type RecordInput } from '../records/index.js';
import type { Cut } from './cuts.js';
import type { DatasetDependencies } from './dependencies.js';
import { recordInputs } from './inputRecords.js';
import { numbersOf } from './readFiles.js';
import type { StageCall } from './stageCall.js';

/** Pages that are staged together: so many, so many bytes, or those of so long. */
const GROUP_PAGES = 100;
const GROUP_BYTES = 8_388_608;
const GROUP_MS = 10_000;

type HttpSource = Extract<DatasetSource, { type: 'http' }>;

/**
 * Cuts of the pages of an API. Reading goes on behind a whole group of pages only: a page that is asked for twice may hold
 * something else.
 */
export async function* readPages(
  dependencies: DatasetDependencies,
  call: StageCall,
  { source, from, dir }: { source: HttpSource; from: DatasetPosition | undefined; dir: string },
): AsyncGenerator<Cut> {
  const { run, plan, signal } = call;
  const stop = new AbortController();
  const stoppable = { ...call, signal: AbortSignal.any([signal, stop.signal]) };
  for await (const group of oneAhead(groupsOf(pagesOf(dependencies, stoppable, { source, from })), stop)) {
    const [first] = group;
    if (first === undefined) continue;
    await recordInputs(
      dependencies.warehouse,
      run,
      plan.planId,
      group.map(({ source: name, sha256, body }) => ({
        source: name,
        version: '',
        checksum: sha256,
        bytes: body.length,
      })),
      first.number,
    );
    yield* cutsOf(group, { call, dir, records: source.records });
  }
}

/** What the pages of an API are asked for. */
export interface PagesCall extends Pick<StageCall, 'manifest' | 'signal'> {
  run: Pick<DatasetRun, 'logicalDate'>;
  plan: Pick<DatasetPlan, 'since' | 'until'>;
}

export interface FirstPages {
  source: HttpSource;
  dir: string;
  /** Records. */
  limit: number;
  maxPages: number;
  /** Told where there are more pages than that. */
  onCut: () => void;
}

/** Cuts of the first records of an API, as every run makes them, of at most so many pages. Nothing is written down. */
export async function* readFirstPages(
  dependencies: PagesDependencies,
  call: PagesCall,
  { source, dir, limit, maxPages, onCut }: FirstPages,
): AsyncGenerator<Cut> {
  let left = limit;
  let known = 0;
  const isEnough = ({ number, records }: Page): boolean => {
    // Of other formats than JSON nobody knows how many records a page has.
    known += records ?? limit;
    return known >= limit || number >= maxPages;
  };
  for await (const group of groupsOf(pagesOf(dependencies, call, { source, from: undefined }), isEnough)) {
    for await (const cut of cutsOf(group, { call, dir, records: source.records, limit: left })) {
      left -= cut.piece.read;
      yield cut;
    }
    if (left <= 0) return;
    const last = group.at(-1);
    if (last === undefined || last.number < maxPages) continue;
    if (last.next !== undefined) onCut();
    return;
  }
}

type PagesDependencies = Pick<DatasetDependencies, 'allowPrivate' | 'secrets' | 'pace'>;

function pagesOf(
  { allowPrivate, secrets, pace }: PagesDependencies,
  { run, plan, manifest, signal }: PagesCall,
  { source, from }: { source: HttpSource; from: DatasetPosition | undefined },
): AsyncGenerator<Page> {
  return fetchPages(source, {
    ...{ format: manifest.format, allowPrivate, secrets, pace, signal },
    variables: {
      date: run.logicalDate.slice(0, 10),
      ...(plan.since === undefined ? {} : { since: plan.since }),
      ...(plan.until === undefined ? {} : { until: plan.until }),
    },
    ...(from === undefined ? {} : { from: from as unknown as PagePosition }),
  });
}

/** The next group is fetched while one is recorded and cut. Who stops before the end stops what is fetched. */
async function* oneAhead(groups: AsyncGenerator<Page[]>, stop: AbortController): AsyncGenerator<Page[]> {
  const next = (): Promise<IteratorResult<Page[]>> => {
    const group = groups.next();
    // It is told in its turn.
    group.catch(() => undefined);
    return group;
  };
  let upcoming = next();
  try {
    for (let group = await upcoming; group.done !== true; group = await upcoming) {
      upcoming = next();
      yield group.value;
    }
  } finally {
    stop.abort();
    await upcoming.catch(() => undefined);
    await groups.return(undefined);
  }
}

async function* cutsOf(
  group: readonly Page[],
  { call, dir, records, limit }: { call: PagesCall; dir: string; records: string | undefined; limit?: number },
): AsyncGenerator<Cut> {
  const { manifest, signal } = call;
  const numbers = new Map(group.map(({ source, number }) => [source, number]));
  const next = group.at(-1)?.next;
  const pieces = cutPieces(group.map(inputOf), {
    ...{ format: manifest.format, dir, signal },
    ...(records === undefined ? {} : { records }),
    ...(limit === undefined ? {} : { limit }),
  });
  let found = { inputs: group.length, bytes: group.reduce((sum, { body }) => sum + body.length, 0) };
  for await (const piece of pieces) {
    const isLast = piece.next === undefined;
    yield {
      piece,
      inputs: numbersOf(piece, numbers),
      behind: !isLast
        ? { kind: 'within' }
        : next === undefined
          ? { kind: 'end' }
          : { kind: 'at', position: { ...next } },
      found,
    };
    found = { inputs: 0, bytes: 0 };
  }
}

function inputOf({ source, body }: Page): RecordInput {
  return { source, open: () => Promise.resolve(Readable.from([body])) };
}

async function* groupsOf(
  pages: AsyncIterable<Page>,
  isEnough: (page: Page) => boolean = () => false,
): AsyncGenerator<Page[]> {
  let group: Page[] = [];
  let bytes = 0;
  let endsAt = performance.now() + GROUP_MS;
  for await (const page of pages) {
    group.push(page);
    bytes += page.body.length;
    const isFull = group.length >= GROUP_PAGES || bytes >= GROUP_BYTES || performance.now() >= endsAt;
    if (!isEnough(page) && !isFull) continue;
    yield group;
    [group, bytes, endsAt] = [[], 0, performance.now() + GROUP_MS];
  }
  if (group.length > 0) yield group;
}
