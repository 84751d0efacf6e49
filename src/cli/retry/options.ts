import { IMAGE_REASONS, isFinalReason, isImageReason, MODEL_NAME, type ImageReason } from '../../domain/index.js';
import type { BatchSelector } from '../../operations/index.js';
import { parseSince } from '../duration.js';
import { UsageError } from '../verb.js';
import type { RetryFlags } from './index.js';

/** What the command line asks for. */
export interface RetryRequest {
  selector: BatchSelector;
  batchesPerSecond: number;
  /** Most of its batches that run at once. */
  ahead: number;
}

/** Reads the command line. Throws UsageError that says what is wrong and what would be right. */
export function readRequest(flags: RetryFlags, nowMs: number): RetryRequest {
  const { batch, since, reason, model, all } = flags;
  const selectors: BatchSelector[] = [
    ...(batch === undefined ? [] : [{ by: 'batch' as const, workflowId: batch }]),
    ...(since === undefined
      ? []
      : [{ by: 'since' as const, closedSince: new Date(parseSince(since, '--since', nowMs)) }]),
    ...(reason === undefined ? [] : [{ by: 'reason' as const, reason: readReason(reason) }]),
    ...(model === undefined ? [] : [{ by: 'model' as const, model: readModel(model) }]),
    ...(all ? [{ by: 'all' as const }] : []),
  ];
  const [selector, another] = selectors;
  if (selector === undefined || another !== undefined)
    throw new UsageError('Which batches? Exactly one of --batch, --since, --reason, --model and --all');
  return {
    selector,
    batchesPerSecond: readNumber(flags.rate, '--rate', 0.1, 100),
    ahead: Math.ceil(readNumber(flags.ahead, '--ahead', 1, 1_000)),
  };
}

function readReason(code: string): ImageReason {
  const codes = Object.keys(IMAGE_REASONS).filter((one) => !isFinalReason(one));
  if (!isImageReason(code)) throw new UsageError(`--reason '${code}': one of ${codes.join(', ')}`);
  if (isFinalReason(code)) throw new UsageError(`--reason ${code}: another try can't help. One of ${codes.join(', ')}`);
  return code;
}

function readModel(name: string): string {
  if (!MODEL_NAME.test(name))
    throw new UsageError(`--model '${name}': the name of a model is a-z, 0-9, dot, dash, underscore, without its hash`);
  return name;
}

function readNumber(text: string, option: string, min: number, max: number): number {
  const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) throw new UsageError(`${option} '${text}': a number from ${min} to ${max}`);
  return value;
}
