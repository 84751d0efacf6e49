import { createHash } from 'node:crypto';
import { pageOf, type Api, type ApiRoute } from './api.js';
import { fleetPath, type FleetDataset, type FleetPlaces } from './fleet.js';
import { FLEET_PAGE_SIZE } from './fleet/manifest.js';
import type { FleetRun } from './fleetRuns.js';
import { EMPTY, expectRun, rowTexts, type RunOutcome } from './oracle/index.js';
import { putFiles, putObjects, sortedRows } from './rig.js';
import type { TextFields, Written } from './written/index.js';
import { worldOf } from './worlds.js';

/** What a run must have been. */
export type ExpectedRun = Pick<RunOutcome, 'read' | 'loaded' | 'duplicates' | 'quarantined'> & { status: string };

/** What the runs of a dataset must have been, and what its table must hold after them. */
export interface Expected {
  runs: ExpectedRun[];
  /** Rows that the table may have had at any time. */
  sizes: number[];
  table: string[];
}

const WORLD = worldOf({ hash: (text) => text });

/** A dataset of the fleet on the stack: what it was shown, and so what its runs must have made of what they read. */
export class FleetMember {
  readonly #dataset: FleetDataset;
  readonly #places: FleetPlaces & { api: Api };
  /** Records of each content that a run may have read. */
  readonly #records = new Map<string, readonly Written<TextFields>[]>();
  /** What a run of the last version has to have read. */
  #last: string[] = [];
  #shown = 0;

  constructor(dataset: FleetDataset, places: FleetPlaces & { api: Api }) {
    this.#dataset = dataset;
    this.#places = places;
  }

  get name(): string {
    return this.#dataset.name;
  }

  get mode(): FleetDataset['variant']['mode'] {
    return this.#dataset.variant.mode;
  }

  /** Versions that were shown. */
  get shown(): number {
    return this.#shown;
  }

  manifest(isScheduled: boolean): string {
    return this.#dataset.manifest(this.#places, isScheduled);
  }

  /** Milliseconds of its schedule from one run to the next. */
  get everyMs(): number {
    const { schedule } = this.#dataset;
    return 'cron' in schedule ? 60_000 : schedule.everySeconds * 1_000;
  }

  /** When its schedule is due next, in milliseconds. */
  dueAfter(nowMs: number): number {
    return (Math.floor(nowMs / this.everyMs) + 1) * this.everyMs;
  }

  /** The next version is there from now on. */
  async show(): Promise<void> {
    const { files, route, records } = await this.#dataset.version(this.#shown);
    this.#last = [];
    if (route === undefined) {
      const { bucket, folder } = this.#places;
      const isObjects = this.#dataset.variant.source === 'objects';
      const generations = isObjects ? await putObjects(bucket, files) : [];
      for (const [index, { name, bytes }] of files.entries())
        this.#know(inputKey(name, generations[index] ?? sha256(bytes)), records);
      if (!isObjects) await putFiles(folder, files);
    } else {
      this.#knowPages(route, records);
      this.#places.api.routes.set(fleetPath(this.name), route);
    }
    this.#shown += 1;
  }

  /** Whether one of these runs has read all of the version that was shown last. */
  isAmong(runs: readonly (readonly string[])[]): boolean {
    return runs.some((inputs) => this.#last.every((key) => inputs.includes(key)));
  }

  /** By plain code, from the contents that each run says it has read. */
  expect(runs: readonly FleetRun[]): Expected {
    let table = EMPTY;
    const expected: Expected = { runs: [], sizes: [0], table: [] };
    for (const { status, inputs, read } of runs) {
      // What a run was planned for may be replaced before it has read it: it fails, and nothing of it lands.
      const isFailed = status === 'failed' && this.mayBeReplaced;
      const records = isFailed ? [] : inputs.flatMap((key) => this.#recordsOf(key));
      const { run, after } = expectRun(this.#dataset.rules, table, records, WORLD);
      table = after;
      const { loaded, duplicates, quarantined } = run;
      expected.runs.push({
        status: isFailed ? 'failed' : inputs.length === 0 ? 'unchanged' : 'published',
        ...{ read: isFailed ? read : run.read, loaded, duplicates, quarantined: sortedRows(quarantined) },
      });
      expected.sizes.push(table.rows.length);
    }
    const rows = table.rows.map(({ row }) => row);
    return { ...expected, table: rowTexts(this.#dataset.rules.columns, rows) };
  }

  /** Its one file is replaced by each version. */
  get mayBeReplaced(): boolean {
    return this.mode === 'replace all' && this.#dataset.variant.source !== 'http';
  }

  get columns(): readonly string[] {
    return this.#dataset.rules.columns;
  }

  #recordsOf(key: string): readonly Written<TextFields>[] {
    const records = this.#records.get(key);
    if (records === undefined) throw new Error(`${this.name} has read what it was never shown: ${key}`);
    return records;
  }

  /** A run may see pages of several versions: each is known by itself. */
  #knowPages(route: ApiRoute, records: readonly Written<TextFields>[]): void {
    const { pagination } = this.#dataset.variant;
    const pages = pagination === 'none' ? 1 : Math.ceil(records.length / FLEET_PAGE_SIZE);
    for (let page = 1; page <= pages; page += 1) {
      const source = `#page=${page}`;
      const body = pageOf(route, this.#queryOf(page));
      this.#know(
        inputKey(source, sha256(body)),
        records.filter((record) => record.source === source),
      );
    }
    // By numbers a page without records tells the end.
    if (pagination === 'page')
      this.#know(inputKey(`#page=${pages + 1}`, sha256(pageOf(route, this.#queryOf(pages + 1)))), []);
  }

  #queryOf(page: number): URLSearchParams {
    const { pagination } = this.#dataset.variant;
    const limit = String(FLEET_PAGE_SIZE);
    if (pagination === 'none') return new URLSearchParams();
    if (pagination === 'page') return new URLSearchParams({ limit, page: String(page) });
    return new URLSearchParams({ limit, cursor: String((page - 1) * FLEET_PAGE_SIZE) });
  }

  #know(key: string, records: readonly Written<TextFields>[]): void {
    this.#records.set(key, records);
    this.#last.push(key);
  }
}

/** A source in one content: generation of an object, SHA-256 of a file or a page. */
export function inputKey(source: string, content: string): string {
  return `${source} ${content}`;
}

function sha256(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
