import type { AuditReport, BucketAudit, MissingImage } from '../../audit/index.js';
import { quoted } from '../../operations/index.js';

/** The report for a person; ends with what to do. */
export function auditText(report: AuditReport): string {
  const { from, to, prefix, buckets, missing, listed, sinkBehind } = report;
  const names = prefix === '' ? '' : `, names that begin with ${prefix}`;
  const lines = [`uploaded from ${from} to ${to}${names}`];
  for (const bucket of buckets) lines.push('', ...bucketLines(bucket));
  lines.push('', missing === 0 ? 'Nothing is missing.' : `${missing} missing`, ...listed.map(missingLine));
  if (listed.length < missing) lines.push(`  … ${missing - listed.length} more`);
  if (sinkBehind > 0 && missing > 0)
    lines.push(`The sink has ${sinkBehind} records to store; some of the missing may be among them. Look at it first.`);
  const cures = cureOf(report);
  if (cures.length > 0) lines.push('', 'Send them (again), which harms nothing:', ...cures.map((cure) => `  ${cure}`));
  return lines.join('\n');
}

/** The commands that send what is missing, one for each bucket. */
export function cureOf({ buckets, prefix, from }: AuditReport): string[] {
  return buckets
    .filter(({ notReceived, notStored }) => notReceived + notStored > 0)
    .map(({ bucket }) => `penstock backfill ${quoted(`gs://${bucket}/${prefix}`)} --missing --since ${from}`);
}

function bucketLines(audited: BucketAudit): string[] {
  const { bucket, problem, objects, received, goneSince, notTaken, dead, detected, waiting, held, running } = audited;
  const by = (counts: Record<string, number>): string =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((all, one) => all + one, 0);
  const line = (name: string, count: number, more = ''): string =>
    `  ${name.padEnd(13)} ${count}${more === '' ? '' : ` (${more})`}`;
  return [
    `gs://${bucket}`,
    ...(problem === null
      ? [line('in the bucket', objects, sum(notTaken) === 0 ? '' : `not taken: ${by(notTaken)}`)]
      : [`  can not be listed, ${problem}`]),
    line('received', received, goneSince === 0 ? '' : `gone from the bucket since: ${goneSince}`),
    line('detected', detected),
    line('dead', sum(dead), by(dead)),
    line('on their way', waiting + held + running, by({ waiting, held, running })),
    line('not received', audited.notReceived),
    line('not stored', audited.notStored),
  ];
}

function missingLine({ kind, bucket, object, generation, model, uploadedAt }: MissingImage): string {
  const what = kind === 'not-received' ? 'not received' : `not stored under ${model ?? ''}`;
  return `  gs://${bucket}/${object}#${generation}, uploaded ${uploadedAt}: ${what}`;
}
