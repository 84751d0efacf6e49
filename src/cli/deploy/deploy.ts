import { BuildError, connectTemporal, listBuilds, promoteBuild, type Build } from '../../client/index.js';
import { BUILD_ID, NO_BUILD } from '../../domain/index.js';
import { reasonOf } from '../../telemetry/index.js';
import { findStack } from '../findStack.js';
import { createTable } from '../table.js';
import { EXIT, UsageError, VerbError } from '../verb.js';
import type { DeployFlags } from './index.js';

type Temporal = Awaited<ReturnType<typeof connectTemporal>>;

/** Shows the builds and returns the exit code. */
export async function list(flags: DeployFlags): Promise<number> {
  const builds = await withTemporal(flags, listBuilds);
  show(flags, { builds }, describe(builds));
  return EXIT.ok;
}

/** Makes a build the current one and returns the exit code. */
export async function promote(buildId: string, flags: DeployFlags): Promise<number> {
  if (buildId !== NO_BUILD) checkId(buildId);
  const builds = await withTemporal(flags, async (temporal) => {
    await promoteBuild(temporal, buildId);
    return listBuilds(temporal);
  });
  show(flags, { builds }, describe(builds));
  return EXIT.ok;
}

/** Says whether a build is needed still and returns the exit code. */
export async function drained(buildId: string, flags: DeployFlags): Promise<number> {
  checkId(buildId);
  const build = (await withTemporal(flags, listBuilds)).find((one) => one.buildId === buildId);
  if (build === undefined) throw new VerbError(`no build ${buildId} is known: see penstock deploy list`);
  const { isCurrent, isRamping, pinned } = build;
  const isDrained = !isCurrent && !isRamping && pinned === 0;
  const sentence =
    isCurrent || isRamping
      ? `New batches begin on ${buildId}: promote another build first.`
      : pinned > 0
        ? `${pinned} open batches end on ${buildId}: keep its orchestrators.`
        : `No open batch needs ${buildId}: its orchestrators may be taken away.`;
  show(flags, { buildId, drained: isDrained, current: isCurrent, pinned }, sentence);
  return isDrained ? EXIT.ok : EXIT.pending;
}

function checkId(buildId: string): void {
  if (!BUILD_ID.test(buildId))
    throw new UsageError(`'${buildId}': the id of a build has letters, digits, '.', '_', '+', '-'; at most 100`);
}

function describe(builds: readonly Build[]): string {
  if (builds.length === 0) return 'No build: no orchestrator has run with PENSTOCK_WORKER_VERSIONING.';
  const table = createTable(['build', 'new batches', 'open batches', 'first seen']);
  for (const { buildId, isCurrent, isRamping, pinned, firstSeenMs } of builds)
    table.push([
      ...[buildId, isCurrent ? 'begin on it' : isRamping ? 'some begin on it' : '', pinned],
      firstSeenMs === null ? '' : new Date(firstSeenMs).toISOString(),
    ]);
  return table.toString();
}

function show({ json }: DeployFlags, report: object, text: string): void {
  process.stdout.write(`${json ? JSON.stringify(report, undefined, 2) : text}\n`);
}

async function withTemporal<T>({ dataDir }: DeployFlags, work: (temporal: Temporal) => Promise<T>): Promise<T> {
  await findStack(dataDir);
  const away = (error: unknown): never => {
    throw new VerbError(error instanceof BuildError ? error.message : `Temporal: ${reasonOf(error)}`);
  };
  const temporal = await connectTemporal().catch(away);
  try {
    return await work(temporal).catch(away);
  } finally {
    await temporal.connection.close();
  }
}
