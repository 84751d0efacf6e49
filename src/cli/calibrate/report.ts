import { PARTS, sharedCeiling, type Capacity, type Ceiling, type Point } from '../../calibration/index.js';
import { createTable } from '../table.js';

/** What a calibration found, for a person: the parts, the whole at each point, and what follows. */
export function reportText(capacity: Capacity, out: string): string {
  const { model, provider, device, pictures } = capacity;
  const size = `${(pictures.meanBytes / 1000).toFixed(0)} KB on average`;
  const network = pictures.overNetwork
    ? 'downloaded over the network'
    : 'downloaded from a server on this machine: no network in it';
  return [
    `${model} on ${provider}, ${device.name}`,
    `${pictures.count} pictures (${pictures.source}), ${size}, ${network}`,
    '',
    partTable(capacity),
    ...conclusions(capacity),
    '',
    pointTable(capacity),
    chart(capacity),
    '',
    kneeText(capacity),
    `written to ${out}: a detector with PENSTOCK_CAPACITY_FILE=${out} runs so`,
  ].join('\n');
}

function partTable({ ceilings }: Capacity): string {
  const table = createTable(['alone', 'images/s', 'p10–p90', 'core ms an image']);
  for (const part of PARTS) {
    const { imagesPerSecond, cpuMsPerImage, isStable }: Ceiling = ceilings[part];
    const name = part === 'model' ? `model, batch ${ceilings.model.batch}` : part;
    table.push([
      isStable ? name : `${name} (not stable)`,
      whole(imagesPerSecond.median),
      spread(imagesPerSecond),
      cpuMsPerImage.toFixed(2),
    ]);
  }
  return table.toString();
}

/** What would be right, in words that fit a device and CPUs alike. */
function conclusions(capacity: Capacity): string[] {
  const { bottleneck, coresPerDevice, provider, cores, ceilings, points } = capacity;
  const best = Math.max(...points.map(({ imagesPerSecond }) => imagesPerSecond.median));
  if (provider !== 'cpu') {
    return [
      `${bottleneck} is the bottleneck: ${coresPerDevice.toFixed(1)} cores per device keep the model busy, and this machine has ${cores}`,
    ];
  }
  const shared = sharedCeiling(ceilings, cores);
  const preparing = ceilings.download.cpuMsPerImage + ceilings.decode.cpuMsPerImage;
  const forModel = (cores * ceilings.model.cpuMsPerImage) / (preparing + ceilings.model.cpuMsPerImage);
  return [
    `${bottleneck} is the bottleneck: for each core that runs the model, ${(preparing / ceilings.model.cpuMsPerImage).toFixed(1)} cores download and decode`,
    `all three share ${cores} cores (${forModel.toFixed(1)} of them for the model), which allows ${whole(shared)} images/s; the best point gives ${percent(best / shared)} of that`,
  ];
}

function pointTable({ points, knee, requestImages }: Capacity): string {
  const head = [
    'children',
    'batch',
    'slots',
    'images/s',
    'p10–p90',
    'image p50 ms',
    'p95',
    `${requestImages} images p50 ms`,
    'p95',
    '',
  ];
  const table = createTable(head);
  for (const point of points) {
    const { children, batch, slots, imagesPerSecond, imageLatencyMs, requestLatencyMs, isStable } = point;
    const marks = [...(isSame(point, knee) ? ['knee'] : []), ...(isStable ? [] : ['not stable'])];
    table.push([
      children,
      batch,
      slots,
      whole(imagesPerSecond.median),
      spread(imagesPerSecond),
      whole(imageLatencyMs.p50),
      whole(imageLatencyMs.p95),
      requestLatencyMs ? whole(requestLatencyMs.p50) : '–',
      requestLatencyMs ? whole(requestLatencyMs.p95) : '–',
      marks.join(', '),
    ]);
  }
  return table.toString();
}

const BAR = 50;

/** Images a second of each point as a bar, in the order in which they were measured. */
function chart({ points, knee, latencyBoundMs }: Capacity): string {
  const best = Math.max(...points.map(({ imagesPerSecond }) => imagesPerSecond.median));
  const lines = points.map((point) => {
    const { children, batch, slots, imagesPerSecond, imageLatencyMs } = point;
    const bar = '█'.repeat(Math.round((BAR * imagesPerSecond.median) / best)).padEnd(BAR);
    const name = `${children}×${batch}×${slots}`.padStart(9);
    const isLate = imageLatencyMs.p95 > latencyBoundMs;
    return `${name} ${bar} ${whole(imagesPerSecond.median)}${isLate ? ' late' : ''}${isSame(point, knee) ? ' ← knee' : ''}`;
  });
  return ['images/s by children×batch×slots', ...lines].join('\n');
}

function kneeText({ knee, latencyBoundMs }: Capacity): string {
  const { children, batch, slots, imagesPerSecond, imageLatencyMs } = knee;
  const found = `children ${children}, batch ${batch}, slots ${slots}: ${whole(imagesPerSecond.median)} images/s, p95 ${whole(imageLatencyMs.p95)} ms`;
  return knee.isWithinBound
    ? `knee under ${latencyBoundMs} ms: ${found}`
    : `no point keeps p95 under ${latencyBoundMs} ms; nearest: ${found}`;
}

function isSame(a: Point, b: Point): boolean {
  return a.children === b.children && a.batch === b.batch && a.slots === b.slots;
}

function spread({ p10, p90 }: Capacity['knee']['imagesPerSecond']): string {
  return `${whole(p10)}–${whole(p90)}`;
}

function whole(value: number): string {
  return value.toFixed(value < 10 ? 1 : 0);
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
