import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { reasonOf } from '../telemetry/index.js';

const MODEL_ID = /^[a-z0-9._-]+@[0-9a-f]{12}$/;
/** An ordinary file has some 10 KB. */
const MAX_FILE_BYTES = 1_000_000;
const MAX_POINTS = 1_000;
/** Most problems that are told at once. */
const MOST_PROBLEMS = 10;

const count = z.number().int().min(1).max(100_000);
const amount = z.number().min(0);

const rate = z
  .object({ median: amount, p10: amount, p90: amount })
  .describe(
    'Images a second: the median of the windows that a point was held for, and their 10th and 90th percentile.',
  );
const latency = z.object({ p50: amount, p95: amount }).describe('Milliseconds.');

const ceiling = z.object({
  imagesPerSecond: rate,
  cpuMsPerImage: amount.describe('Milliseconds of one core that an image takes in this part.'),
  isStable: z.boolean().describe('False: it still moved when the longest time to hold it was over.'),
});

const point = z.object({
  children: count.describe('Child processes that own a model session.'),
  batch: count.describe('Most images in one model run.'),
  slots: count.describe('Requests in flight at once.'),
  imagesPerSecond: rate,
  imageLatencyMs: latency.describe('Milliseconds from the request to the outcome of an image.'),
  requestLatencyMs: latency
    .nullable()
    .describe('Milliseconds from a request to the outcome of its last image; null: none ended while it was held.'),
  isStable: z.boolean(),
});

/** What `penstock calibrate` measured, version 1. */
export const capacitySchema = z.object({
  v: z.literal(1, '1, the version of this format'),
  measuredAt: z.iso.datetime().describe('When, UTC.'),
  model: z.string().regex(MODEL_ID, 'name@hash of a model, like shapes@b837ae85758e').describe('name@hash.'),
  provider: z.string().min(1).describe('Execution provider of ONNX Runtime.'),
  device: z.object({
    id: z.number().int().min(0),
    name: z.string().min(1).describe('What it is; of CPUs with the number of cores.'),
  }),
  cores: count.describe('CPU cores that the machine gives this program.'),
  pictures: z.object({
    source: z.string(),
    count,
    meanBytes: amount,
    overNetwork: z.boolean().describe('False: the download was from a server on this machine.'),
  }),
  ceilings: z
    .object({ download: ceiling, decode: ceiling, model: ceiling.extend({ batch: count }) })
    .describe('What each part sustains alone, in as many processes and threads as a detector has.'),
  bottleneck: z.enum(['download', 'decode', 'model']).describe('The part with the lowest ceiling.'),
  coresPerDevice: amount.describe('Cores that download and decode as many images as the model takes.'),
  requestImages: count.describe('Images of one request.'),
  latencyBoundMs: amount.describe('The bound on the 95th percentile of the latency of an image.'),
  points: z.array(point).min(1).max(MAX_POINTS).describe('The whole engine, point by point.'),
  knee: point
    .extend({ isWithinBound: z.boolean().describe('False: no point kept the bound; this one came nearest.') })
    .describe('The point that a detector takes.'),
});

export type Capacity = z.infer<typeof capacitySchema>;
/** Images a second, with the spread of its windows. */
export type Rate = z.infer<typeof rate>;
/** What one part sustains alone. */
export type Ceiling = z.infer<typeof ceiling>;
/** The whole engine at one setting. */
export type Point = z.infer<typeof point>;

/** A capacity file that can't be used; the message has a line `file: key: what would be right` for each problem. */
export class CapacityFileError extends Error {
  override name = 'CapacityFileError';
}

/** Reads a capacity file. Throws CapacityFileError that names the file and every key that is wrong. */
export async function readCapacityFile(path: string): Promise<Capacity> {
  const json = parseJson(path, await readText(path));
  const parsed = capacitySchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const lines = issues
    .slice(0, MOST_PROBLEMS)
    .map((issue) => `${path}: ${issue.path.length === 0 ? 'the file' : issue.path.join('.')}: ${issue.message}`);
  if (lines.length < issues.length) lines.push(`${path}: … and ${issues.length - lines.length} more`);
  throw new CapacityFileError(lines.join('\n'));
}

/** Writes it whole or not at all. */
export async function writeCapacityFile(path: string, capacity: Capacity): Promise<void> {
  const unfinished = `${path}.${randomUUID()}`;
  try {
    await writeFile(unfinished, `${JSON.stringify(capacity, undefined, 2)}\n`);
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw new CapacityFileError(`${path}: can't be written: ${reasonOf(error)}`, { cause: error });
  }
}

async function readText(path: string): Promise<string> {
  let size: number;
  try {
    const file = await stat(path);
    // Opening a pipe would wait for a writer.
    if (!file.isFile()) throw new Error('no regular file');
    size = file.size;
    if (size <= MAX_FILE_BYTES) return await readFile(path, 'utf8');
  } catch (error) {
    throw new CapacityFileError(`${path}: can't be read: ${reasonOf(error)}; penstock calibrate writes it`, {
      cause: error,
    });
  }
  throw new CapacityFileError(`${path}: ${size} bytes, and a capacity file has at most ${MAX_FILE_BYTES}`);
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CapacityFileError(`${path}: no JSON: ${reasonOf(error)}`, { cause: error });
  }
}
