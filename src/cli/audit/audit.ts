import {
  audit,
  createWay,
  MOST_BATCHES,
  PAGE_EVERY_MS,
  type AuditProgress,
  type AuditReport,
} from '../../audit/index.js';
import { connectTemporal, openBatchRanges } from '../../client/index.js';
import { openRouting } from '../../routing/index.js';
import { createObjectLister } from '../../storage/index.js';
import { createLogger, reasonOf } from '../../telemetry/index.js';
import { bucketsUploadedTo, createWarehouse } from '../../warehouse/index.js';
import { parseSince } from '../duration.js';
import { findStack } from '../findStack.js';
import { showProgress } from '../progress.js';
import { EXIT, UsageError, VerbError } from '../verb.js';
import type { AuditFlags } from './index.js';
import { auditText } from './text.js';

const MOST_LISTED = 1_000;
const DAY_MS = 86_400_000;

/** Audits, prints the report and returns the exit code. */
export async function runAudit(flags: AuditFlags): Promise<number> {
  const nowMs = Date.now();
  const fromMs = parseSince(flags.since, '--since', nowMs);
  const toMs = parseSince(flags.grace, '--grace', nowMs);
  if (fromMs >= toMs) throw new UsageError(`--since ${flags.since} leaves no time before --grace ${flags.grace}`);
  const mostListed = Number(flags.list);
  if (!/^\d+$/.test(flags.list) || mostListed < 1 || mostListed > MOST_LISTED)
    throw new UsageError(`--list ${flags.list}: a number from 1 to ${MOST_LISTED}`);
  const report = await look(flags, { fromMs, toMs, mostListed });
  process.stdout.write(flags.json ? `${JSON.stringify(report, undefined, 2)}\n` : `${auditText(report)}\n`);
  const isWhole = report.buckets.every(({ problem }) => problem === null);
  return report.missing === 0 && isWhole ? EXIT.ok : EXIT.failed;
}

async function look(
  flags: AuditFlags,
  bounds: { fromMs: number; toMs: number; mostListed: number },
): Promise<AuditReport> {
  const { config } = await findStack(flags.dataDir);
  const log = createLogger('audit', 'silent');
  const { signal } = new AbortController();
  const warehouse = createWarehouse(config, log);
  const routing = await openRouting(config, log);
  const temporal = await asked('Temporal', connectTemporal());
  const { toMs } = bounds;
  // What is older than the tables keep is nowhere, and not lost.
  const fromMs = Math.max(bounds.fromMs, Date.now() - config.PENSTOCK_RETENTION_DAYS * DAY_MS);
  const openBatches = (): ReturnType<typeof openBatchRanges> =>
    asked('Temporal', openBatchRanges(temporal.client, MOST_BATCHES));
  const way = createWay({ config, log, openBatches, signal });
  let line = 'asking what is on its way';
  const progress = process.stderr.isTTY && showProgress({ out: process.stderr, line: () => line });
  try {
    const uploadedTo = (): Promise<string[]> =>
      asked('ClickHouse', bucketsUploadedTo(warehouse, { buckets: [], prefix: '', fromMs, toMs }));
    const configured = [...routing.buckets(), ...config.PENSTOCK_BUCKETS];
    const named = flags.bucket.length > 0 ? flags.bucket : [...configured, ...(await uploadedTo())];
    const buckets = [...new Set(named)];
    if (buckets.length === 0)
      throw new UsageError(`Nothing came from any bucket since ${flags.since}: name the buckets with --bucket`);
    return await asked(
      'audit',
      audit({
        ...{ ...bounds, fromMs },
        ...{ buckets, prefix: flags.prefix, config, warehouse, signal, route: routing.route },
        ...{ pageEveryMs: PAGE_EVERY_MS, now: Date.now },
        lister: createObjectLister({ endpoint: config.PENSTOCK_GCS_ENDPOINT, projectId: config.PENSTOCK_GCS_PROJECT }),
        onTheWay: way.onTheWay,
        sinkBehind: way.sinkBehind,
        onProgress: (now) => (line = progressLine(now)),
      }),
    );
  } finally {
    if (progress) progress.stop();
    routing.close();
    await warehouse.close();
    await temporal.connection.close();
  }
}

function progressLine({ doing, bucket, done, of }: AuditProgress): string {
  return doing === 'listing' ? `gs://${bucket ?? ''}: ${done} objects` : `comparing ${done} of ${of ?? 0}`;
}

/** What a server says when it can't be asked is all that a person needs. */
async function asked<T>(what: string, answer: Promise<T>): Promise<T> {
  return answer.catch((error: unknown) => {
    throw error instanceof VerbError ? error : new VerbError(`${what}: ${reasonOf(error)}`);
  });
}
