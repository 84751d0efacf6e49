import {
  NOTHING_STAGED,
  stagedTogether,
  type DatasetCounts,
  type DatasetPlan,
  type DatasetPosition,
  type DatasetProgress,
  type DatasetRun,
  type DatasetRunState,
  type LoadedBucket,
  type SettledRun,
  type StagedInputs,
} from '../domain/datasets.js';

/** Where a run stands. Plain: the workflow acts, this counts. */
export class DatasetState {
  step: DatasetProgress['step'] = 'waiting';
  plan: DatasetPlan | undefined;
  staged: StagedInputs = { ...NOTHING_STAGED };
  settled: SettledRun | undefined;
  loads: LoadedBucket[] = [];
  /** An upload came after the plan was made. */
  isUploadedAgain = false;
  /** Somebody wants to be told the end, as far as is known. */
  tells = true;
  #open = new Map<number, DatasetPosition | undefined>();

  constructor(
    readonly run: DatasetRun,
    before?: DatasetRunState,
  ) {
    if (before === undefined) return;
    this.plan = before.plan;
    this.tells = before.plan.tells;
    this.staged = before.staged;
    this.step = 'staging';
    this.isUploadedAgain = before.isUploadedAgain;
    this.#open = new Map(before.open.map(({ share, next }) => [share, next]));
  }

  setPlan(plan: DatasetPlan): void {
    this.plan = plan;
    this.tells = plan.tells;
    this.#open = new Map(plan.shares.map((_, share) => [share, undefined]));
  }

  /** Shares that are still to be read, first to last. */
  open(): number[] {
    return [...this.#open.keys()];
  }

  position(share: number): DatasetPosition | undefined {
    return this.#open.get(share);
  }

  /** Adds what a call staged. */
  take(share: number, call: StagedInputs): void {
    const { next, ...staged } = call;
    this.staged = stagedTogether(this.staged, staged);
    if (next === undefined) this.#open.delete(share);
    else this.#open.set(share, next);
  }

  /** Files that it was planned for, or pages that it has read so far. */
  inputs(): number {
    return Math.max(this.plan?.inputs ?? 0, this.staged.inputs);
  }

  counts(): DatasetCounts {
    const loaded = this.loads.reduce((total, load) => total + load.loaded, 0);
    const duplicates = this.loads.reduce((total, load) => total + load.duplicates, 0);
    const quarantined = this.staged.quarantined + (this.settled?.quarantined ?? 0);
    return { read: this.staged.read, quarantined, duplicates, loaded };
  }

  warnings(): string[] {
    const { warned, dropped } = this.staged;
    return [
      ...Object.entries(warned).map(([check, rows]) => `${check}: ${rows} rows`),
      ...Object.entries(dropped).map(([column, values]) => `${column}: ${values} values dropped`),
      ...(this.settled?.warnings ?? []),
    ];
  }

  progress(): DatasetProgress {
    const shares = this.plan?.shares.length ?? 0;
    return {
      step: this.step,
      shares,
      sharesDone: shares - this.#open.size,
      inputs: this.inputs(),
      counts: this.counts(),
    };
  }

  /** What the next execution needs. Only while staging. */
  carried(): DatasetRunState | undefined {
    if (this.plan === undefined) return undefined;
    const open = [...this.#open].map(([share, next]) => (next === undefined ? { share } : { share, next }));
    return { run: this.run, plan: this.plan, staged: this.staged, open, isUploadedAgain: this.isUploadedAgain };
  }

  /** For the Temporal UI, in Markdown. */
  describe(): string {
    const { run, plan, step } = this;
    const { read, quarantined, duplicates, loaded } = this.counts();
    const what = {
      waiting: 'Waits for its turn: another run of the dataset is at work.',
      planning: 'Looks for what there is to read.',
      staging: 'Reads, cleans and checks.',
      checking: 'Checks the run as a whole.',
      loading: 'Loads; nobody sees it yet.',
      publishing: 'Makes it visible.',
      done: 'Done.',
    }[step];
    const { shares, sharesDone } = this.progress();
    return [
      `**${run.dataset}** for ${run.logicalDate}: ${what}`,
      plan === undefined ? '' : `${this.inputs()} inputs in ${shares} shares, ${sharesDone} of them done.`,
      `Read ${read}, set aside ${quarantined}, duplicates ${duplicates}, loaded ${loaded}.`,
    ]
      .filter((line) => line !== '')
      .join('\n\n');
  }
}
