import { randomUUID } from 'node:crypto';
import type { DatasetPlan, DatasetPlanOutcome, DatasetRun, DatasetRunRequest } from '../../domain/index.js';
import { YamlError } from '../../yaml/index.js';
import { DatasetError, type DatasetDependencies } from './dependencies.js';
import { forgetPlans, inputsOfRun, recordInputs, withoutTaken } from './inputRecords.js';
import { listInputs, type FileInput, type FilesSource } from './inputs.js';
import { giveUpLoads } from './loads.js';
import { appliedManifest, type AppliedManifest } from './manifests.js';
import { recordRun } from './record.js';
import { dropStaging, makeStaging } from './staging.js';
import { windowOf } from './window.js';

/** A share is read by one activity at a time: so many bytes, or so many files, or one file. */
const SHARE_BYTES = 268_435_456;
const SHARE_INPUTS = 2_000;

type PlanDependencies = Pick<DatasetDependencies, 'warehouse' | 'lister' | 'log' | 'program'>;

/**
 * Finds what a run has to read. It has the turn of its dataset: what runs before it left behind is of no one, and is
 * taken away. A plan that is made again takes the place of the one before: its list of inputs has an id of its own. Throws
 * what may pass.
 */
export async function planRun(
  dependencies: PlanDependencies,
  run: DatasetRun,
  request: DatasetRunRequest,
  signal: AbortSignal,
): Promise<DatasetPlanOutcome> {
  let tells = false;
  try {
    await forgetPlans(dependencies.warehouse, run);
    const { manifest, hash } = await applied(dependencies, run.dataset);
    tells = manifest.webhook !== undefined;
    await giveUpLoads(dependencies.warehouse, run.dataset);
    await dropStaging(dependencies.warehouse, run.dataset);
    const plan: DatasetPlan = {
      ...{ manifestHash: hash, planId: randomUUID(), inputs: 0, bytes: 0, shares: [], tells },
      ...(await windowOf(dependencies.warehouse, manifest, run, request)),
    };
    if (manifest.source.type === 'http') plan.shares.push([0, 0]);
    else await planFiles(dependencies, manifest.source, { run, request, plan, signal });
    await recordRun(dependencies, { run, status: 'running', plan });
    if (plan.shares.length === 0) return { kind: 'nothing', tells };
    await makeStaging(dependencies.warehouse, manifest, run);
    return { kind: 'plan', plan };
  } catch (error) {
    if (error instanceof DatasetError) return { kind: 'impossible', what: error.message, tells };
    throw error;
  }
}

async function applied({ warehouse }: PlanDependencies, dataset: string): Promise<AppliedManifest> {
  try {
    const found = await appliedManifest(warehouse, dataset);
    if (found !== undefined) return found;
  } catch (error) {
    if (error instanceof YamlError) throw new DatasetError(error.message);
    throw error;
  }
  throw new DatasetError(`there is no dataset ${dataset}: penstock dataset apply makes it from its manifest`);
}

async function planFiles(
  dependencies: PlanDependencies,
  source: FilesSource,
  {
    run,
    request,
    plan,
    signal,
  }: { run: DatasetRun; request: DatasetRunRequest; plan: DatasetPlan; signal: AbortSignal },
): Promise<void> {
  const { warehouse, log } = dependencies;
  const { dataset } = run;
  if (request.replayOf !== undefined) {
    const inputs = await inputsOfRun(warehouse, dataset, request.replayOf);
    return share(dependencies, run, plan, inputs);
  }
  const isNew = source.select === 'new' && request.full !== true;
  const taken = (page: FileInput[]): Promise<FileInput[]> =>
    isNew ? withoutTaken(warehouse, dataset, page) : Promise.resolve(page);
  const { inputs, more } = await listInputs(dependencies, source, taken, signal);
  if (more && !isNew)
    throw new DatasetError(`more than ${inputs.length} files fit: a run that takes all of them takes at most so many`);
  if (more) log.warn({ dataset, inputs: inputs.length }, 'more new inputs than one run takes: the next goes on');
  await share(dependencies, run, plan, inputs);
}

async function share(
  { warehouse }: PlanDependencies,
  run: DatasetRun,
  plan: DatasetPlan,
  inputs: readonly FileInput[],
): Promise<void> {
  await recordInputs(warehouse, run, plan.planId, inputs);
  plan.inputs = inputs.length;
  let from = 0;
  let bytes = 0;
  for (const [index, input] of inputs.entries()) {
    plan.bytes += input.bytes;
    if (index > from && (bytes + input.bytes > SHARE_BYTES || index - from >= SHARE_INPUTS)) {
      plan.shares.push([from, index]);
      [from, bytes] = [index, 0];
    }
    bytes += input.bytes;
  }
  if (inputs.length > from) plan.shares.push([from, inputs.length]);
}
