import { backfillId } from '../../client/index.js';
import { BUCKET_NAME, MODEL_NAME, type BackfillOptions, type BackfillPace } from '../../domain/index.js';
import { parseSince } from '../duration.js';
import { UsageError } from '../verb.js';
import type { BackfillFlags } from './index.js';

/** What the command line asks for. */
export interface BackfillRequest {
  workflowId: string;
  options: BackfillOptions;
  /** What was said of the pace; the rest is the default, or stays as it is. */
  pace: Partial<BackfillPace>;
}

/** Reads the command line. Throws UsageError that says what is wrong and what would be right. */
export function readRequest(url: string, flags: BackfillFlags, nowMs: number): BackfillRequest {
  const { model, lane, since, startAfter, rate, ahead } = flags;
  const { bucket, prefix } = readUrl(url);
  if (model !== undefined && !MODEL_NAME.test(model))
    throw new UsageError(
      `--model '${model}': the name of a model is a-z, 0-9, dot, dash, underscore, without its hash`,
    );
  if (
    startAfter !== undefined &&
    !startAfter.startsWith(prefix) &&
    Buffer.compare(Buffer.from(startAfter), Buffer.from(prefix)) > 0
  )
    throw new UsageError(`--start-after '${startAfter}': no name with the prefix '${prefix}' comes after it`);
  const options: BackfillOptions = {
    bucket,
    prefix,
    missing: flags.missing ?? false,
    dryRun: flags.dryRun ?? false,
    ...(model === undefined ? {} : { model }),
    ...(lane === undefined ? {} : { lane }),
    ...(startAfter ? { startAfter } : {}),
    ...(since === undefined ? {} : { sinceMs: parseSince(since, '--since', nowMs) }),
  };
  return {
    workflowId: backfillId(options, since),
    options,
    pace: {
      ...(rate === undefined ? {} : { imagesPerSecond: readNumber(rate, '--rate', 0.1, 100_000) }),
      ...(ahead === undefined ? {} : { ahead: Math.ceil(readNumber(ahead, '--ahead', 1, 10_000_000)) }),
    },
  };
}

const LONGEST_NAME_BYTES = 1024;

function readUrl(url: string): { bucket: string; prefix: string } {
  const [, bucket, prefix = ''] = /^gs:\/\/([^/]*)(?:\/([^]*))?$/.exec(url) ?? [];
  if (bucket === undefined) throw new UsageError(`'${url}': what is backfilled is gs://bucket or gs://bucket/prefix`);
  if (!BUCKET_NAME.test(bucket))
    throw new UsageError(
      `'${url}': '${bucket}' is no name of a bucket (3 characters or more of a-z, 0-9, dot, dash, underscore)`,
    );
  if (Buffer.byteLength(prefix) > LONGEST_NAME_BYTES)
    throw new UsageError(`'${url}': a prefix has at most ${LONGEST_NAME_BYTES} bytes`);
  if (/[\r\n]/.test(prefix)) throw new UsageError(`'${url}': no name of an object has a line break`);
  return { bucket, prefix };
}

function readNumber(text: string, option: string, min: number, max: number): number {
  const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) throw new UsageError(`${option} '${text}': a number from ${min} to ${max}`);
  return value;
}
