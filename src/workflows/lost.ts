import { ActivityFailure, TimeoutFailure } from '@temporalio/workflow';
import type { DetectImagesResult, FailedImage } from '../domain/index.js';

/**
 * What a detector had done when it was lost, by its last heartbeat; all else is untried. Undefined where the activity
 * failed otherwise, which the server has tried again until its tries were used up.
 */
export function doneBeforeLoss(error: unknown, images: number): DetectImagesResult | undefined {
  if (!(error instanceof ActivityFailure) || !(error.cause instanceof TimeoutFailure)) return undefined;
  if (error.cause.timeoutType !== 'HEARTBEAT') return undefined;
  return doneBy(error.cause.lastHeartbeatDetails, images);
}

/** The checkpoint of a heartbeat as the result that the detector would have given then. */
export function doneBy(checkpoint: unknown, images: number): DetectImagesResult {
  const { bits = '', dead = [], retry = [] } = parse(checkpoint) ?? {};
  const failed = new Set([...dead, ...retry].map(({ image }) => image));
  const isDetected = bitsOf(bits, images);
  const open = Array.from({ length: images }, (_, image) => image).filter((image) => !failed.has(image));
  const untried = open.filter((image) => !isDetected(image));
  return { detected: open.length - untried.length, dead, retry, untried };
}

function parse(checkpoint: unknown): { bits: string; dead: FailedImage[]; retry: FailedImage[] } | undefined {
  if (typeof checkpoint !== 'object' || checkpoint === null) return undefined;
  const { detected, dead, retry } = checkpoint as Record<string, unknown>;
  if (typeof detected !== 'string' || !Array.isArray(dead) || !Array.isArray(retry)) return undefined;
  return { bits: detected, dead: dead as FailedImage[], retry: retry as FailedImage[] };
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Bit i of byte i/8, in base64, which a workflow has nothing to decode with. None is set where the length is wrong. */
function bitsOf(base64: string, bits: number): (bit: number) => boolean {
  if (base64.length !== 4 * Math.ceil(Math.ceil(bits / 8) / 3)) return () => false;
  return (bit) => {
    // Bytes begin with their highest bit, a digit holds six.
    const at = (bit & ~7) + 7 - (bit & 7);
    return ((DIGITS.indexOf(base64[Math.floor(at / 6)] ?? 'A') >> (5 - (at % 6))) & 1) === 1;
  };
}
