import type { ImageAnswer, ImageReport, InBucket } from '../../operations/index.js';

/** Boxes that are shown to a person; --json has all. */
const BOXES_SHOWN = 20;

export function reportText(report: ImageReport): string {
  const { image, images, bucket, neverReceived, notAsked, truncated } = report;
  const lines = [image, `  ${inBucket(bucket)}`];
  for (const one of images) lines.push('', ...imageLines(one));
  if (truncated)
    lines.push('', 'There are more generations than are listed: name one as gs://bucket/object#generation');
  if (neverReceived) {
    lines.push('', neverReceived.sentence);
    if (neverReceived.advice !== null) lines.push(neverReceived.advice);
  }
  for (const [server, problem] of Object.entries(notAsked)) {
    lines.push('', `${server} could not be asked: ${problem}`);
    if (server === 'clickhouse') lines.push('It knows which events were received and what became of them.');
  }
  return lines.join('\n');
}

function inBucket(bucket: InBucket): string {
  if (bucket.state === 'absent') return 'not in the bucket';
  if (bucket.state === 'unknown') return 'whether it is in the bucket is unknown';
  const { generation, contentType, sizeBytes, uploadedAt } = bucket;
  const size = sizeBytes === null ? [] : [`${sizeBytes} bytes`];
  const type = contentType === null ? [] : [contentType];
  return `in the bucket: generation ${generation}, ${[...size, ...type].join(', ')}, uploaded ${uploadedAt}`;
}

function imageLines(image: ImageAnswer): string[] {
  const { generation, model, state, current, sentence, advice, batch, event, results } = image;
  const lines = [
    `generation ${generation}${current ? ' (in the bucket)' : ''}, model ${model}: ${state}`,
    `  ${sentence}`,
    ...(advice === null ? [] : [`  ${advice}`]),
  ];
  const [latest] = results;
  if (state === 'detected' && latest) {
    for (const [name, score, ...box] of latest.boxes.slice(0, BOXES_SHOWN))
      lines.push(`    ${name} ${score.toFixed(2)} [${box.map(Math.round).join(', ')}]`);
    if (latest.boxes.length > BOXES_SHOWN) lines.push(`    … ${latest.boxes.length - BOXES_SHOWN} more`);
  }
  lines.push(...timingLines(image));
  if (event) lines.push(`  event     ${event.id}, ${event.topic}/${event.partition}/${event.offset}`);
  if (batch) {
    const status = batch.status === null ? '' : `, ${batch.status}`;
    const attempts = batch.attempts === null ? '' : `, ${batch.attempts} inferences begun`;
    lines.push(`  batch     ${batch.workflowId}, run ${batch.runId}${status}${attempts}`);
    if (batch.lastFailure !== null) lines.push(`  failed    ${batch.lastFailure}`);
    if (batch.link !== null) lines.push(`            ${batch.link}`);
  }
  for (const other of results.filter((result) => result !== latest || state !== result.status))
    lines.push(`  also      ${other.model}: ${other.status} ${other.reason} at ${other.detected_at}`.trimEnd());
  return lines;
}

function timingLines({ timings, state }: ImageAnswer): string[] {
  const line = (name: string, at: string | null, seconds: number | null): string[] =>
    at === null ? [] : [`  ${name.padEnd(9)} ${at}${seconds === null ? '' : `  + ${seconds.toFixed(3)} s`}`];
  return [
    ...line('uploaded', timings.uploadedAt, null),
    ...line('received', timings.receivedAt, timings.uploadToReceivedSeconds),
    ...line(state === 'dead' ? 'decided' : 'detected', timings.detectedAt, timings.receivedToDetectedSeconds),
    ...line('stored', timings.storedAt, timings.detectedToStoredSeconds),
    ...line('deadline', timings.deadlineAt, null),
  ];
}
