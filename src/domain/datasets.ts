/**
 * Runs of datasets: what their workflow is asked for, what its activities are given and give. Plain data without
 * imports, because workflows are bundled with it.
 */

/** Task queue of the ingesters. */
export const DATASETS_QUEUE = 'penstock-datasets';

/** Names of the workflow of a run, of the one that holds a dataset's turn, and of what they answer to. */
export const DATASET = {
  workflow: 'ingestDataset',
  turn: 'datasetTurn',
  /** Query: where a run stands. */
  progress: 'progress',
  /** Signal to a run that waits for uploads: another one came. */
  uploaded: 'uploaded',
  /** Signal to a turn: its holder, which is named, has done with it. */
  release: 'release',
} as const;

/** Names of datasets, as manifests have them. */
export const DATASET_NAME = /^[a-z][a-z0-9_]{0,62}$/;

/** Beginning of the ids of all that belongs to a dataset: its schedule, and with more behind it its runs. */
export function datasetId(dataset: string): string {
  return `dataset/${dataset}`;
}

/** Runs of a dataset take turns: who has started the workflow of this id has it. */
export function datasetTurnId(dataset: string): string {
  return `${datasetId(dataset)}/turn`;
}

export type DatasetTrigger = 'schedule' | 'hand' | 'api' | 'upload' | 'replay';

/** What a run is asked for. */
export interface DatasetRunRequest {
  dataset: string;
  trigger: DatasetTrigger;
  /** The moment that the run is for, ISO 8601. Default: when its schedule said, else when it started. */
  logicalDate?: string;
  /** Where an incremental source begins, instead of where the last run ended. */
  since?: string;
  /** Where an incremental source ends. Default: the logical date. */
  until?: string;
  /** All inputs, also those that an earlier run took. */
  full?: boolean;
  /** The inputs of the run with this number, and no others. */
  replayOf?: string;
  /** Where an earlier execution of the run left off. */
  state?: DatasetRunState;
}

/** A run, and who it is. */
export interface DatasetRun {
  dataset: string;
  /** Grows from run to run of a dataset: decimal digits, since it has up to 63 bits. */
  number: string;
  /** Of the workflow, and its first execution: what an operator finds it by. */
  workflowId: string;
  runId: string;
  trigger: DatasetTrigger;
  /** ISO 8601, UTC. */
  logicalDate: string;
  startedAt: string;
}

/** What a run will read. */
export interface DatasetPlan {
  manifestHash: string;
  /** Of the try of the plan whose list of inputs counts. */
  planId: string;
  inputs: number;
  /** Bytes as they are stored; 0 where nobody knows before. */
  bytes: number;
  /** Consecutive inputs that one activity reads: first, and the one behind the last. */
  shares: [from: number, to: number][];
  /** What an API was or will be asked for. */
  since?: string;
  until?: string;
  /** Somebody wants to be told the end. */
  tells: boolean;
}

export type DatasetPlanOutcome =
  | { kind: 'plan'; plan: DatasetPlan }
  /** There is nothing new. */
  | { kind: 'nothing'; tells: boolean }
  /** No later try helps, unless somebody changes something. */
  | { kind: 'impossible'; what: string; tells: boolean };

/** Where reading goes on; what it holds is of the activity alone. */
export type DatasetPosition = Record<string, unknown>;

/** Counts of rows. Those of a run that was published: `read = loaded + quarantined + duplicates`. */
export interface DatasetCounts {
  read: number;
  quarantined: number;
  duplicates: number;
  loaded: number;
}

/** What one call of `stageInputs` put aside for loading. */
export interface StagedInputs {
  /** Ids of the pieces that count: others are of tries that nobody heard the end of. Decimal digits. */
  pieces: string[];
  read: number;
  rows: number;
  quarantined: number;
  /** Pages that were read, where nobody knew their number before. */
  inputs: number;
  /** Bytes as they were read. */
  bytes: number;
  /** Rows that a check only warns of, by its name. */
  warned: Record<string, number>;
  /** Values that were dropped, by column. */
  dropped: Record<string, number>;
  /** There is more to read. */
  next?: DatasetPosition;
  /** Why the run has to fail. */
  failure?: string;
}

export const NOTHING_STAGED: Readonly<StagedInputs> = {
  pieces: [],
  read: 0,
  rows: 0,
  quarantined: 0,
  inputs: 0,
  bytes: 0,
  warned: {},
  dropped: {},
};

/** Both together; the first failure counts, and where reading goes on is the second's to say. */
export function stagedTogether(one: Readonly<StagedInputs>, other: Readonly<StagedInputs>): StagedInputs {
  const failure = one.failure ?? other.failure;
  return {
    pieces: [...one.pieces, ...other.pieces],
    read: one.read + other.read,
    rows: one.rows + other.rows,
    quarantined: one.quarantined + other.quarantined,
    inputs: one.inputs + other.inputs,
    bytes: one.bytes + other.bytes,
    warned: addCounts(one.warned, other.warned),
    dropped: addCounts(one.dropped, other.dropped),
    ...(failure === undefined ? {} : { failure }),
    ...(other.next === undefined ? {} : { next: other.next }),
  };
}

/** Sums of counts by their names. */
export function addCounts(
  one: Readonly<Record<string, number>>,
  other: Readonly<Record<string, number>>,
): Record<string, number> {
  const total = { ...one };
  for (const [name, count] of Object.entries(other)) total[name] = (total[name] ?? 0) + count;
  return total;
}

/** What the checks of a run as a whole gave. */
export interface SettledRun {
  /** Id of the piece with rows that were set aside only here. */
  late: string;
  quarantined: number;
  /** Rows that are left. */
  rows: number;
  /** Into how many loads they are split. */
  buckets: number;
  warnings: string[];
  /** Greatest value of the incremental column. */
  cursor?: string;
  failure?: string;
}

export interface LoadedBucket {
  /** Number of the load. Decimal digits. */
  load: string;
  staged: number;
  loaded: number;
  duplicates: number;
}

/** Where a run stands; what its query `progress` answers. */
export interface DatasetProgress {
  step: 'waiting' | 'planning' | 'staging' | 'checking' | 'loading' | 'publishing' | 'done';
  shares: number;
  sharesDone: number;
  inputs: number;
  counts: DatasetCounts;
}

/** What is carried from one execution of a run to the next. */
export interface DatasetRunState {
  run: DatasetRun;
  plan: DatasetPlan;
  /** Shares that are begun or still to do; done ones are left out. */
  open: { share: number; next?: DatasetPosition }[];
  staged: StagedInputs;
  /** An upload came after the plan was made. */
  isUploadedAgain: boolean;
}

export type DatasetRunStatus = 'running' | 'published' | 'unchanged' | 'failed' | 'cancelled';

/** The result of a run. */
export interface DatasetRunResult {
  status: 'published' | 'unchanged';
  number: string;
  counts: DatasetCounts;
  inputs: number;
  warnings: string[];
}

export interface DatasetActivities {
  /** Finds what there is to read, cleans up after runs that ended badly, makes the staging tables. */
  planDataset(input: { run: DatasetRun; request: DatasetRunRequest }): Promise<DatasetPlanOutcome>;
  /** Reads a share from a position on, for some minutes at most: cleaned, checked, in the staging table. */
  stageInputs(input: {
    run: DatasetRun;
    plan: DatasetPlan;
    share: number;
    from?: DatasetPosition;
  }): Promise<StagedInputs>;
  /** Checks what only the whole run can say. */
  settleDataset(input: { run: DatasetRun; plan: DatasetPlan; staged: StagedInputs }): Promise<SettledRun>;
  /** Loads a part of the rows, which nobody sees yet. */
  loadDataset(input: {
    run: DatasetRun;
    plan: DatasetPlan;
    pieces: string[];
    settled: SettledRun;
    bucket: number;
  }): Promise<LoadedBucket>;
  /** Makes all of the run visible at once; throws when its rows are not those that were loaded. */
  publishDataset(input: { run: DatasetRun; plan: DatasetPlan; loads: LoadedBucket[] }): Promise<void>;
  /** Writes the record of the run, keeps what was set aside, and takes the staging tables away. */
  endDataset(input: EndDatasetInput): Promise<void>;
  /** Tells the webhook of the manifest, where there is one. */
  tellDataset(input: EndDatasetInput): Promise<void>;
}

export interface EndDatasetInput {
  run: DatasetRun;
  status: Exclude<DatasetRunStatus, 'running'>;
  plan?: DatasetPlan;
  staged?: StagedInputs;
  settled?: SettledRun;
  counts: DatasetCounts;
  warnings: string[];
  failure?: string;
}

/** Names of the workflow that spaces the requests to a host, and of its update. */
export const HOST_PACE = { workflow: 'hostPace', reserve: 'reserve' } as const;

export function hostPaceId(host: string): string {
  return `host/${host}`;
}

/** Asks for places of requests to a host. */
export interface PaceRequest {
  perSecond: number;
  most: number;
}

/** When requests may begin: milliseconds from now on. */
export interface PaceReply {
  delaysMs: number[];
}

/** What is carried from one execution of a host's pace to the next. */
export interface PaceState {
  /** Milliseconds since the epoch. */
  nextAtMs: number;
  /** Rates that were asked for, and when last. */
  rates: [perSecond: number, atMs: number][];
}
