import type { DatasetPosition } from '../../domain/index.js';
import { fetchPages, type Page, type PagePosition } from '../http/index.js';
import type { DatasetSource } from '../manifest/source.js';
import { cutPieces, type RecordInput } from '../records/index.js';
import type { Cut } from './cuts.js';
import type { DatasetDependencies } from './dependencies.js';
import { recordInputs } from './inputRecords.js';
import { sourcesOf } from './readFiles.js';
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
  const { run, plan, manifest, signal } = call;
  const { allowPrivate, secrets, pace, warehouse } = dependencies;
  const stop = new AbortController();
  const pages = fetchPages(source, {
    ...{ format: manifest.format, allowPrivate, secrets, pace, signal: AbortSignal.any([signal, stop.signal]) },
    variables: {
      date: run.logicalDate.slice(0, 10),
      ...(plan.since === undefined ? {} : { since: plan.since }),
      ...(plan.until === undefined ? {} : { until: plan.until }),
    },
    ...(from === undefined ? {} : { from: from as unknown as PagePosition }),
  });
  for await (const group of oneAhead(groupsOf(pages), stop)) {
    const [first] = group;
    if (first === undefined) continue;
    await recordInputs(
      warehouse,
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
  { call, dir, records }: { call: StageCall; dir: string; records: string | undefined },
): AsyncGenerator<Cut> {
  const { manifest, signal } = call;
  const numbers = new Map(group.map(({ source, number }) => [source, number]));
  const next = group.at(-1)?.next;
  const pieces = cutPieces(group.map(inputOf), {
    ...{ format: manifest.format, dir, signal },
    ...(records === undefined ? {} : { records }),
  });
  let found = { inputs: group.length, bytes: group.reduce((sum, { body }) => sum + body.length, 0) };
  for await (const piece of pieces) {
    const isLast = piece.next === undefined;
    yield {
      piece,
      inputs: new Map(sourcesOf(piece).map((name) => [name, numbers.get(name) ?? 0])),
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
  return { source, open: () => Promise.resolve(bodyOf(body)) };
}

// eslint wants an await in what is async; a body is there at once.
function bodyOf(body: Buffer): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => iteratorOf(body) };
}

function iteratorOf(body: Buffer): AsyncIterator<Uint8Array> {
  let rest: Buffer | undefined = body;
  return {
    next: () => {
      const value = rest;
      rest = undefined;
      return Promise.resolve(value === undefined ? { done: true, value: undefined } : { done: false, value });
    },
  };
}

async function* groupsOf(pages: AsyncIterable<Page>): AsyncGenerator<Page[]> {
  let group: Page[] = [];
  let bytes = 0;
  let endsAt = performance.now() + GROUP_MS;
  for await (const page of pages) {
    group.push(page);
    bytes += page.body.length;
    if (group.length < GROUP_PAGES && bytes < GROUP_BYTES && performance.now() < endsAt) continue;
    yield group;
    [group, bytes, endsAt] = [[], 0, performance.now() + GROUP_MS];
  }
  if (group.length > 0) yield group;
}
